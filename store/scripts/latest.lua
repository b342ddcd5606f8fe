-- Finds the last message of a group that it announced itself and that is in one of some
-- states.
-- KEYS[1]  sequence: String, the group's last number
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot of
--          KEYS[1]: Hash <n>
-- ARGV[1]  the states, each between two spaces
-- ARGV[2]  how many messages are looked at, at most
-- returns  {number, record}, a record is its fields and values; {0, {}} no such message
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
for number = last, math.max(1, last - tonumber(ARGV[2]) + 1), -1 do
  local state, adopted = unpack(redis.call('HMGET', KEYS[2] .. number, 'state', 'adopted'))
  if state and adopted ~= '1' and string.find(ARGV[1], ' ' .. state .. ' ', 1, true) then
    return {number, redis.call('HGETALL', KEYS[2] .. number)}
  end
end
return {0, {}}
