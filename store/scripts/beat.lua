-- Renews the leases of jobs at work.
-- KEYS[1]  stream: Stream, a lane of the inbox
-- ARGV[1]  consumer group
-- ARGV[2]  consumer that holds the leases
-- ARGV[3…] entries
-- returns  for each entry 1 if the lease was renewed; 0 if it is another's by now
local held = {}
for i = 3, #ARGV do
  local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
  if p and p[2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'IDLE', 0, 'RETRYCOUNT', p[4], 'JUSTID')
    held[i - 2] = 1
  else
    held[i - 2] = 0
  end
end
return held
