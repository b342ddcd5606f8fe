-- Keeps what somebody is asked, unless something else waits for their yes.
-- KEYS[1]  pending: Hash, 'pending' as JSON, 'command' to which it is given
-- ARGV[1]  the question as JSON
-- ARGV[2]  how long it waits for its answer, in milliseconds
-- returns  1 kept, now or before; 0 another question waits
local other, command = unpack(redis.call('HMGET', KEYS[1], 'pending', 'command'))
if other and not command and other ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'pending', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
