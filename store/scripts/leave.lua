-- Takes a replica off the consumer group, unless it holds jobs: removing a
-- consumer loses what it holds.
-- KEYS[1]  stream: Stream, a lane of the inbox
-- ARGV[1]  consumer group
-- ARGV[2]  consumer
-- returns  1 it is off; 0 it holds jobs
if redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])[1] then
  return 0
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
