-- Records a reminder, unless the message's last one in the same way is of another run and too
-- young.
-- A run that is recorded goes on as it was, and is the last one again.
-- KEYS[1]  message: Hash
-- KEYS[2]  reminded: Hash, the message's last reminder in that way: 'run', 'at' in Unix
--          milliseconds, 'reminder' as JSON
-- KEYS[3]  run: Hash, its field 'reminder' as JSON
-- ARGV[1]  the run
-- ARGV[2]  now, in Unix milliseconds
-- ARGV[3]  how young the last reminder may not be, in milliseconds
-- ARGV[4]  the reminder as JSON
-- ARGV[5]  how long the run is kept, in milliseconds
-- returns  {1, reminder} begun, now or before; {0, reminder} the last one is too
--          young; {-1, ''} no such message
local keep = redis.call('PTTL', KEYS[1])
if keep < 0 then
  return {-1, ''}
end
local run, at = unpack(redis.call('HMGET', KEYS[2], 'run', 'at'))
if at and run ~= ARGV[1] and tonumber(ARGV[2]) - tonumber(at) < tonumber(ARGV[3]) then
  return {0, redis.call('HGET', KEYS[2], 'reminder')}
end
local reminder = redis.call('HGET', KEYS[3], 'reminder') or ARGV[4]
redis.call('HSET', KEYS[2], 'run', ARGV[1], 'at', ARGV[2], 'reminder', reminder)
redis.call('PEXPIRE', KEYS[2], keep)
redis.call('HSET', KEYS[3], 'reminder', reminder)
redis.call('PEXPIRE', KEYS[3], ARGV[5])
return {1, reminder}
