-- Takes over jobs whose worker did not renew its lease, or gave it up.
-- KEYS[1]  stream: Stream, a lane of the inbox
-- ARGV[1]  consumer group
-- ARGV[2]  consumer that takes over
-- ARGV[3]  lease, in milliseconds
-- ARGV[4]  how many at most
-- returns  a list of {entry, attempt, consumer that held it, its fields and values};
--          attempt counts from 1
local claimed = {}
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])
for _, p in ipairs(pending) do
  local entries = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], p[1])
  if entries[1] and entries[1][2] then
    claimed[#claimed + 1] = {p[1], p[4] + 1, p[2], entries[1][2]}
  else
    redis.call('XACK', KEYS[1], ARGV[1], p[1])
  end
end
return claimed
