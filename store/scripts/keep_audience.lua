-- Sets the audience of a message that has none.
-- KEYS[1]  message: Hash
-- KEYS[2]  audience: String, JSON
-- ARGV[1]  the audience
-- returns  1 set; 0 it had one, or there is no such message
local keep = redis.call('PTTL', KEYS[1])
if keep < 0 then
  return 0
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', keep) then
  return 1
end
return 0
