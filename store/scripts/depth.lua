-- Tells how much waits.
-- KEYS[1]  stream: Stream, the lane of people
-- KEYS[2]  due: Stream, the lane of scheduled jobs
-- KEYS[3]  schedule: Sorted Set, ids of jobs by when they are due
-- KEYS[4]  parked: Stream, jobs that were given up on
-- ARGV[1]  consumer group
-- returns  {jobs in the inbox, how many of them are at work, scheduled, parked,
--          since when the oldest in the inbox is there, now}; the last two by Redis's
--          clock in Unix milliseconds, the time of the oldest 0 where there is none
local all, working, since = 0, 0, 0
for lane = 1, 2 do
  all = all + redis.call('XLEN', KEYS[lane])
  local pending = redis.pcall('XPENDING', KEYS[lane], ARGV[1])
  if not pending.err then -- else nobody has begun yet
    working = working + pending[1]
  end
  local oldest = redis.call('XRANGE', KEYS[lane], '-', '+', 'COUNT', 1)[1]
  if oldest then
    local at = tonumber(string.match(oldest[1], '^%d+'))
    if since == 0 or at < since then
      since = at
    end
  end
end
local now = redis.call('TIME')
return {
  all, working, redis.call('ZCARD', KEYS[3]), redis.call('XLEN', KEYS[4]),
  since, now[1] * 1000 + math.floor(now[2] / 1000)
}
