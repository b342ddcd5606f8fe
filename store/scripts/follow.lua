-- Records a follow-up in the place of another command's.
-- KEYS[1]  message: Hash
-- KEYS[2]  follow_up: Hash, 'id', 'version', 'follow_up' as JSON
-- KEYS[3]  followed: Set, the numbers of the group's messages that are followed up
-- ARGV[1]  the message's number
-- ARGV[2]  the command's id
-- ARGV[3]  the follow-up as JSON, at version 0
-- ARGV[4]  how long numbers are kept, in milliseconds
-- returns  the follow-up that is recorded now: this one, or that of the same command
--          as it is; '' no such message
local keep = redis.call('PTTL', KEYS[1])
if keep < 0 then
  return ''
end
if redis.call('HGET', KEYS[2], 'id') == ARGV[2] then
  return redis.call('HGET', KEYS[2], 'follow_up')
end
redis.call('HSET', KEYS[2], 'id', ARGV[2], 'version', 0, 'follow_up', ARGV[3])
redis.call('PEXPIRE', KEYS[2], keep)
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return ARGV[3]
