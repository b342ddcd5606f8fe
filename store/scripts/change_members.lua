-- Notes who was seen in a group or left it, and changes its known members. A sign
-- that is older than the last one of the person does nothing.
-- KEYS[1]  about: Hash, exists if members are known
-- KEYS[2]  members: Hash, userIds
-- KEYS[3]  seen: Hash, userId to '+' (here) or '-' (left) and Unix milliseconds
-- ARGV[1]  'add' and 'remove' those who came or left, or 'note' those who are there:
--          this leaves the known members alone
-- ARGV[2]  when, in Unix milliseconds
-- ARGV[3]  how long signs are kept, in milliseconds
-- ARGV[4…] userIds
-- returns  how many known members were added or removed
local sign = ARGV[1] == 'remove' and '-' or '+'
local keep = redis.call('PTTL', KEYS[1])
local changed = 0
for i = 4, #ARGV do
  local last = redis.call('HGET', KEYS[3], ARGV[i])
  if not last or tonumber(string.sub(last, 2)) <= tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[3], ARGV[i], sign .. ARGV[2])
    if keep >= 0 and ARGV[1] == 'add' then
      changed = changed + redis.call('HSETNX', KEYS[2], ARGV[i], '')
    elseif keep >= 0 and ARGV[1] == 'remove' then
      changed = changed + redis.call('HDEL', KEYS[2], ARGV[i])
    end
  end
end
if #ARGV > 3 then
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
end
if changed > 0 and ARGV[1] == 'add' then
  redis.call('PEXPIRE', KEYS[2], keep)
end
return changed
