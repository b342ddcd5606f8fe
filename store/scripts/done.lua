-- Takes a job out of the inbox, for good or to the parked ones.
-- KEYS[1]  stream: Stream, a lane of the inbox
-- KEYS[2]  parked: Stream, jobs that were given up on
-- ARGV[1]  consumer group
-- ARGV[2]  entry
-- ARGV[3]  why it is parked; '' if it was done
-- ARGV[4]  how many parked jobs are kept
-- ARGV[5]  consumer that takes it out
-- returns  1 taken out; 0 it was out already, or is another's by now and stays
local p = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)[1]
if p and p[2] ~= ARGV[5] then
  return 0
end
local entries = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if not entries[1] then
  return 0
end
if ARGV[3] ~= '' then
  local fields = entries[1][2]
  redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[4], '*', 'id', fields[2], 'reason', ARGV[3])
end
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
