-- Begins another attempt at a job with a new lease, or gives its lease up.
-- KEYS[1]  stream: Stream, a lane of the inbox
-- ARGV[1]  consumer group
-- ARGV[2]  consumer that holds the lease
-- ARGV[3]  entry
-- ARGV[4]  'again' begins another attempt; 'abandon' gives the lease up at once; 'release' does too, and tells by the consumer who holds
--          the job that no attempt came to its end
-- ARGV[5]  lease, in milliseconds
-- ARGV[6]  with 'again' the number of that attempt, so that a repetition of this
--          call does not count it twice; with 'abandon' and 'release' how many attempts
--          there were
-- ARGV[7]  consumer that holds what is released
-- returns  the number of attempts so far; 0 if the lease is another's by now
local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not p or p[2] ~= ARGV[2] then
  return 0
end
local attempts = tonumber(ARGV[6])
local idle, holder = 0, ARGV[2]
if ARGV[4] == 'abandon' or ARGV[4] == 'release' then
  idle = ARGV[5]
end
if ARGV[4] == 'release' then
  holder = ARGV[7]
end
redis.call('XCLAIM', KEYS[1], ARGV[1], holder, 0, ARGV[3], 'IDLE', idle, 'RETRYCOUNT', attempts, 'JUSTID')
return attempts
