-- Adds readers to a message. A reader who is known stays as known.
-- KEYS[1]  message: Hash
-- KEYS[2]  reads: Hash, userId to Unix milliseconds
-- KEYS[3]  readers: Hash, see note_reader.lua
-- ARGV[1]  the message's number
-- ARGV[2]  by when they had read, in Unix milliseconds
-- ARGV[3]  when all readers were asked for, in Unix milliseconds; '' if not all
-- ARGV[4…] userIds
-- returns  how many were not known; -1 no message
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  return -1
end
local sent = redis.call('HGET', KEYS[1], 'sent') or '0'
local new = 0
for i = 4, #ARGV do
  if redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[2]) == 1 then
    note_reader(KEYS[3], ARGV[i], ARGV[1], sent)
    new = new + 1
  end
end
if new > 0 then
  redis.call('PEXPIRE', KEYS[2], ttl)
  keep_readers(KEYS[3], ttl)
end
if ARGV[3] ~= '' then
  redis.call('HDEL', KEYS[1], 'over:expired', 'over:disbanded')
  -- Of two answers at about the same time the later one counts. A time that is further ahead
  -- is that of a process whose clock is wrong, or was.
  local ahead = tonumber(redis.call('HGET', KEYS[1], 'as_of') or '0') - tonumber(ARGV[3])
  if ahead < 0 or ahead > 60000 then
    redis.call('HSET', KEYS[1], 'as_of', ARGV[3])
  end
end
return new
