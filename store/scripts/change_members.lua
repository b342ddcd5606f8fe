-- Changes the known members of a group.
-- KEYS[1]  about: Hash, exists if members are known
-- KEYS[2]  members: Hash, userIds
-- ARGV[1]  'add' or 'remove'
-- ARGV[2…] userIds
-- returns  how many were added or removed
local keep = redis.call('PTTL', KEYS[1])
if keep < 0 then
  return 0
end
local changed = 0
for i = 2, #ARGV do
  if ARGV[1] == 'add' then
    changed = changed + redis.call('HSETNX', KEYS[2], ARGV[i], '')
  else
    changed = changed + redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
if changed > 0 and ARGV[1] == 'add' then
  redis.call('PEXPIRE', KEYS[2], keep)
end
return changed
