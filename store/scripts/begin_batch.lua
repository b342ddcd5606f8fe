-- Notes that a batch of a run is about to be reminded, unless it was before.
-- KEYS[1]  run: Hash, 'begun:<batch>' and 'ended:<batch>'
-- ARGV[1]  batch
-- ARGV[2]  the call, by which its own repetition is known
-- ARGV[3]  how long the run is kept, in milliseconds
-- returns  {1, ''} begun now; {0, outcome} begun before by another call, its outcome
--          '' if it is not known
local call = redis.call('HGET', KEYS[1], 'begun:' .. ARGV[1])
if not call then
  redis.call('HSET', KEYS[1], 'begun:' .. ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {1, ''}
end
if call == ARGV[2] then
  return {1, ''}
end
return {0, redis.call('HGET', KEYS[1], 'ended:' .. ARGV[1]) or ''}
