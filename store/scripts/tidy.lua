-- Takes the consumers of replicas that died off the consumer group, unless they hold
-- jobs: those are claimed first. A living one that is taken off comes back with
-- its next read.
-- KEYS[1]  stream: Stream, a lane of the inbox
-- ARGV[1]  consumer group
-- ARGV[2]  for how long a consumer shows no sign of life, in milliseconds
-- returns  how many were taken off
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then
  return 0
end
local gone = 0
for _, fields in ipairs(consumers) do
  local consumer = {}
  for i = 1, #fields, 2 do
    consumer[fields[i]] = fields[i + 1]
  end
  if consumer.pending == 0 and consumer.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    gone = gone + 1
  end
end
return gone
