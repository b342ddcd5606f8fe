-- Finds a message by its processQueryKey.
-- KEYS[1]  processQueryKey: String, the number of the message
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot of
--          KEYS[1]: Hash <n>
-- returns  {number, record}, a record is its fields and values; {0, {}} no such message
local number = redis.call('GET', KEYS[1])
if not number then
  return {0, {}}
end
return {tonumber(number), redis.call('HGETALL', KEYS[2] .. number)}
