-- Has a step count as not begun, if that try began it.
-- KEYS[1]  step: String, the try that began it
-- ARGV[1]  the try
-- returns  1 dropped; 0 another try began it, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
