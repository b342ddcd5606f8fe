-- Adds reads that DingTalk pushed to the message with the processQueryKey. An exact
-- time replaces one that is not, and a later one.
-- KEYS[1]  processQueryKey: String, the number of the message; or 'about ' and a number:
--          it is that of a post, whose readers are nobody's
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot
--          of KEYS[1]: Hash <n>, its field 'pushed' the last of these times, and Hash
--          <n>:reads
-- KEYS[3]  readers: Hash, see note_reader.lua
-- ARGV     userIds, each followed by when the person read, in Unix milliseconds
-- returns  1 saved, or those of a post; 0 the key is not known, nothing was written
local number = redis.call('GET', KEYS[1])
if not number then
  return 0
end
if string.find(number, 'about ', 1, true) then
  return 1
end
local message = KEYS[2] .. number
local ttl = redis.call('PTTL', message)
if ttl < 0 then
  return 0
end
local reads = message .. ':reads'
local pushed = redis.call('HGET', message, 'pushed') or '0'
for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', reads, ARGV[i])
  local exact = known and string.sub(known, 1, 1) == '='
  if not exact or tonumber(string.sub(known, 2)) > tonumber(ARGV[i + 1]) then
    redis.call('HSET', reads, ARGV[i], '=' .. ARGV[i + 1])
    note_reader(KEYS[3], ARGV[i], number, ARGV[i + 1])
    if tonumber(ARGV[i + 1]) > tonumber(pushed) then
      pushed = ARGV[i + 1]
    end
  end
end
redis.call('HSET', message, 'pushed', pushed)
redis.call('PEXPIRE', reads, ttl)
keep_readers(KEYS[3], ttl)
return 1
