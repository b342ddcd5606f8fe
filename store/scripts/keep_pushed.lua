-- Adds reads that DingTalk pushed to the message with the processQueryKey. An exact
-- time replaces one that is not, and a later one.
-- KEYS[1]  processQueryKey: String, the number of the message
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot
--          of KEYS[1]: Hash <n> and Hash <n>:reads
-- ARGV     userIds, each followed by when the person read, in Unix milliseconds
-- returns  1 kept; 0 no such message, nothing was written
local number = redis.call('GET', KEYS[1])
if not number then
  return 0
end
local message = KEYS[2] .. number
local keep = redis.call('PTTL', message)
if keep < 0 then
  return 0
end
local reads = message .. ':reads'
for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', reads, ARGV[i])
  local exact = known and string.sub(known, 1, 1) == '='
  if not exact or tonumber(string.sub(known, 2)) > tonumber(ARGV[i + 1]) then
    redis.call('HSET', reads, ARGV[i], '=' .. ARGV[i + 1])
  end
end
redis.call('PEXPIRE', reads, keep)
return 1
