-- Notes that a batch of a run is about to be reminded, unless it was before, the message
-- is in another state, or the follow-up is another one.
-- KEYS[1]  run: Hash, 'begun:<batch>' and 'ended:<batch>'
-- KEYS[2]  message: Hash
-- KEYS[3]  reads, or confirmations if people are reminded to confirm: Hash, userId to when
-- KEYS[4]  follow_up: Hash, 'id' and 'version'
-- ARGV[1]  batch
-- ARGV[2]  the try, by which its own repetition is known
-- ARGV[3]  how long the run is kept, in milliseconds
-- ARGV[4]  the state in which the message must be
-- ARGV[5]  the id of the follow-up whose round reminds; '' for none
-- ARGV[6]  its version
-- ARGV[7…] userIds of the batch
-- returns  {'begun', userId…} begun now, and who of the batch is in it;
--          {'before', outcome} begun before by another try, {'before'} if its outcome
--          is not known; {'state', state} the message is in that one; {'superseded'} the
--          follow-up is another one; {'missing'} no such message
local begun = 'begun:' .. ARGV[1]
local try = redis.call('HGET', KEYS[1], begun)
if try and try ~= ARGV[2] then
  return {'before', redis.call('HGET', KEYS[1], 'ended:' .. ARGV[1]) or nil}
end
local state = redis.call('HGET', KEYS[2], 'state')
local halt
if not state then
  halt = {'missing'}
elseif state ~= ARGV[4] then
  halt = {'state', state}
elseif ARGV[5] ~= '' then
  local id, version = unpack(redis.call('HMGET', KEYS[4], 'id', 'version'))
  if id ~= ARGV[5] or version ~= ARGV[6] then
    halt = {'superseded'}
  end
end
if halt then
  redis.call('HDEL', KEYS[1], begun) -- a repetition of this try finds nothing that was begun
  return halt
end
redis.call('HSET', KEYS[1], begun, ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local standing = {'begun'}
for i = 7, #ARGV do
  if redis.call('HGET', KEYS[3], ARGV[i]) then
    standing[#standing + 1] = ARGV[i]
  end
end
return standing
