-- Records a message under the next number of its group, unless what it comes
-- from has one: the command that announces it, or its processQueryKey.
-- KEYS[1]  origin: String, the number of the message of this command or key; or of a
--          key, 'about ' and a number: it is that of a post that is no message
-- KEYS[2]  sequence: String, the group's last number
-- KEYS[3]  what the keys of the group's messages begin with; they are in the
--          slot of the others: Hash <n>, String <n>:audience, Hash <n>:moves and String
--          <n>:content
-- KEYS[4]  moved: Hash, userId of who came or left of late to '+' or '-' and Unix
--          milliseconds
-- KEYS[5]  announced: Sorted Set, see announce.lua
-- ARGV[1]  how long the record is kept, in milliseconds
-- ARGV[2]  the audience as JSON; '' if it is not known
-- ARGV[3]  the call, by which its own repetition is known
-- ARGV[4]  since when moves may not be in the audience, in Unix milliseconds
-- ARGV[5]  what will be posted; '' unless it waits for its time
-- ARGV[6…] fields and values of the record
-- returns  {number, 1} recorded; {number, 0} recorded by another call, nothing was
--          written; {0, -1} the key is that of a post, nothing was written
local number = redis.call('GET', KEYS[1])
if number and string.find(number, 'about ', 1, true) then
  return {0, -1}
end
local call = number and redis.call('HGET', KEYS[3] .. number, 'call')
if call then
  return {tonumber(number), call == ARGV[3] and 1 or 0}
end
number = redis.call('INCR', KEYS[2])
local message = KEYS[3] .. number
redis.call('HSET', message, 'call', ARGV[3])
for i = 6, #ARGV, 2 do
  redis.call('HSET', message, ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', message, ARGV[1])
if ARGV[5] ~= '' then
  redis.call('SET', message .. ':content', ARGV[5], 'PX', ARGV[1])
end
enter(KEYS[5], number, ARGV[1])
if redis.call('HGET', message, 'state') == 'sending' then
  address(message, KEYS[4], ARGV[2], ARGV[4], ARGV[1])
end
redis.call('SET', KEYS[1], number, 'PX', ARGV[1])
return {number, 1}
