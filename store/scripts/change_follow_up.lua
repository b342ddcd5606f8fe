-- Records the next version of a follow-up.
-- KEYS[1]  follow_up: Hash, 'id', 'version', 'follow_up' as JSON
-- KEYS[2]  followed: Set, the numbers of the group's messages that are followed up
-- ARGV[1]  the message's number
-- ARGV[2]  the command's id
-- ARGV[3]  the version
-- ARGV[4]  the follow-up as JSON
-- ARGV[5]  '1' if it is over
-- returns  1 recorded, now or before; 0 another version or another follow-up is
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '-1')
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[2] then
  return 0
end
if version == tonumber(ARGV[3]) and redis.call('HGET', KEYS[1], 'follow_up') == ARGV[4] then
  return 1
end
if version ~= tonumber(ARGV[3]) - 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[3], 'follow_up', ARGV[4])
if ARGV[5] == '1' then
  redis.call('SREM', KEYS[2], ARGV[1])
end
return 1
