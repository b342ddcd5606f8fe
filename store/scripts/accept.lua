-- Takes a job into the inbox, unless it was taken before.
-- KEYS[1]  seen: String, marks the job as taken
-- KEYS[2]  stream: Stream, the lane of people
-- ARGV[1]  how long a repetition is recognised, in milliseconds
-- ARGV[2]  how many jobs may wait
-- ARGV[3]  the call, by which its own repetition is known
-- ARGV[4…] the entry's fields, each with its value: id, kind, group, body
-- returns  1 taken; 0 taken by another call; -1 the inbox is full and nothing was
--          written
local call = redis.call('GET', KEYS[1])
if call then
  return call == ARGV[3] and 1 or 0
end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[2]) then
  return -1
end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[1])
return 1
