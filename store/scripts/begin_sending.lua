-- Begins to send a message that waited for its time.
-- KEYS[1]  message: Hash; in its slot are String <message>:audience and Hash <message>:moves
-- KEYS[2]  moved: Hash, userId of who came or left of late to '+' or '-' and Unix
--          milliseconds
-- KEYS[3]  announced: Sorted Set, see announce.lua
-- ARGV[1]  how long the record is kept from now on, in milliseconds
-- ARGV[2]  the audience as JSON; '' if it is not known
-- ARGV[3]  the call, by which its own repetition is known
-- ARGV[4]  since when moves may not be in the audience, in Unix milliseconds
-- ARGV[5]  the message's number
-- ARGV[6]  when the sending begins, in Unix milliseconds
-- ARGV[7]  the message's deadline, in Unix milliseconds; 0 for none
-- returns  {1, record} begun; {0, record} it did not wait any more, the record as it is,
--          fields and values; {-1, {}} no message
local state, call = unpack(redis.call('HMGET', KEYS[1], 'state', 'call'))
if not state then
  return {-1, {}}
end
if state == 'scheduled' then
  redis.call('HSET', KEYS[1], 'state', 'sending', 'call', ARGV[3], 'created', ARGV[6], 'deadline', ARGV[7])
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  redis.call('PEXPIRE', KEYS[1] .. ':content', ARGV[1])
  enter(KEYS[3], ARGV[5], ARGV[1])
  address(KEYS[1], KEYS[2], ARGV[2], ARGV[4], ARGV[1])
elseif state ~= 'sending' or call ~= ARGV[3] then
  return {0, redis.call('HGETALL', KEYS[1])}
end
return {1, redis.call('HGETALL', KEYS[1])}
