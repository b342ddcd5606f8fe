-- Sets the audience of a message that has none.
-- KEYS[1]  message: Hash
-- KEYS[2]  audience: String, JSON
-- ARGV[1]  the audience
-- returns  1 saved; 0 it had one, or there is no such message
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  return 0
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ttl) then
  return 1
end
return 0
