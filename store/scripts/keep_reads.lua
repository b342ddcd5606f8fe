-- Adds readers to a message. A reader who is known stays as known.
-- KEYS[1]  message: Hash
-- KEYS[2]  reads: Hash, userId to Unix milliseconds
-- ARGV[1]  by when they had read, in Unix milliseconds
-- ARGV[2]  when all readers were asked for, in Unix milliseconds; '' if not all
-- ARGV[3…] userIds
-- returns  how many were not known; -1 no message
local keep = redis.call('PTTL', KEYS[1])
if keep < 0 then
  return -1
end
local new = 0
for i = 3, #ARGV do
  new = new + redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[1])
end
if new > 0 then
  redis.call('PEXPIRE', KEYS[2], keep)
end
if ARGV[2] ~= '' and tonumber(redis.call('HGET', KEYS[1], 'as_of') or '0') < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'as_of', ARGV[2])
end
return new
