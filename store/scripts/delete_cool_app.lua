-- Deletes the cool app of a group.
-- KEYS[1]  coolApp: String, its code
-- ARGV[1]  only if it has this code; '' whichever it is
-- returns  1 deleted; 0 there was none, or another
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
