-- Moves scheduled commands whose time has come into the inbox.
-- KEYS[1]  schedule: Sorted Set, commands by when they are due
-- KEYS[2]  stream: Stream, the inbox
-- ARGV[1]  now, in Unix milliseconds
-- ARGV[2]  how many at most
-- returns  how many were moved
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, command in ipairs(due) do
  redis.call('XADD', KEYS[2], '*', 'id', 'scheduled', 'command', command)
  redis.call('ZREM', KEYS[1], command)
end
return #due
