-- Notes that somebody confirmed a message. The first time stays.
-- KEYS[1]  message: Hash
-- KEYS[2]  confirmations: Hash, userId to Unix milliseconds
-- ARGV[1]  userId
-- ARGV[2]  when, in Unix milliseconds
-- returns  1 saved, now or before; 0 no message
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  return 0
end
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ttl)
return 1
