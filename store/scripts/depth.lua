-- Tells how much waits.
-- KEYS[1]  stream: Stream, the inbox
-- KEYS[2]  schedule: Sorted Set, ids of jobs by when they are due
-- KEYS[3]  parked: Stream, jobs that were given up on
-- ARGV[1]  consumer group
-- returns  {jobs in the inbox, how many of them are at work, scheduled, parked,
--          since when the oldest in the inbox is there, now}; the last two by Redis's
--          clock in Unix milliseconds, the time of the oldest 0 where there is none
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
local working = 0
if not pending.err then -- else nobody has begun yet
  working = pending[1]
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local since = 0
if oldest then
  since = tonumber(string.match(oldest[1], '^%d+'))
end
local now = redis.call('TIME')
return {
  redis.call('XLEN', KEYS[1]), working, redis.call('ZCARD', KEYS[2]), redis.call('XLEN', KEYS[3]),
  since, now[1] * 1000 + math.floor(now[2] / 1000)
}
