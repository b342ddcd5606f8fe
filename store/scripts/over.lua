-- Notes that DingTalk said that a message is over.
-- KEYS[1]  message: Hash
-- ARGV[1]  how it ended: the state
-- ARGV[2]  when, in Unix milliseconds
-- returns  when it first said the same since it last showed readers, in Unix milliseconds; -1
--          no message
if redis.call('EXISTS', KEYS[1]) == 0 then
  return -1
end
local over = 'over:' .. ARGV[1]
redis.call('HSETNX', KEYS[1], over, ARGV[2])
return tonumber(redis.call('HGET', KEYS[1], over))
