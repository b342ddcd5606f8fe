-- Finds the message of a group that was announced last and that is in one of some states.
-- KEYS[1]  announced: Sorted Set, see announce.lua
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot of
--          KEYS[1]: Hash <n>
-- ARGV[1]  the states, each between two spaces
-- returns  {number, record}, a record is its fields and values; {0, {}} no such message
for _, number in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
  local state, adopted = unpack(redis.call('HMGET', KEYS[2] .. number, 'state', 'adopted'))
  if state and adopted ~= '1' and string.find(ARGV[1], ' ' .. state .. ' ', 1, true) then
    return {tonumber(number), redis.call('HGETALL', KEYS[2] .. number)}
  end
end
return {0, {}}
