-- Records the outcome of a batch and counts the reminders, once.
-- KEYS[1]  message: Hash
-- KEYS[2]  run: Hash, 'ended:<batch>'
-- KEYS[3]  reminders: Hash, userId to how often
-- ARGV[1]  batch
-- ARGV[2]  the outcome
-- ARGV[3…] userIds of those who were reached
-- returns  1 recorded; 0 it was before, or nothing is known of the run
if redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
if redis.call('HSETNX', KEYS[2], 'ended:' .. ARGV[1], ARGV[2]) == 0 then
  return 0
end
local keep = redis.call('PTTL', KEYS[1])
if keep < 0 then
  return 1
end
for i = 3, #ARGV do
  redis.call('HINCRBY', KEYS[3], ARGV[i], 1)
end
if #ARGV > 2 then
  redis.call('PEXPIRE', KEYS[3], keep)
end
return 1
