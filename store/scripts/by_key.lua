-- Finds a message by its processQueryKey, or by that of a post about it.
-- KEYS[1]  processQueryKey: String, the number of the message; or 'about ' and that of
--          the message that the post is about, 0 for none
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot of
--          KEYS[1]: Hash <n>
-- returns  {number, record}, a record is its fields and values, and has none for a post
--          about no message or about one whose time is over; {-1, {}} the key is
--          not known, or that of a message whose time is over
local value = redis.call('GET', KEYS[1])
if not value then
  return {-1, {}}
end
local about = string.match(value, '^about (%d+)$')
local number = about or value
local record = redis.call('HGETALL', KEYS[2] .. number)
if not about and #record == 0 and tonumber(number) then
  return {-1, {}}
end
return {tonumber(number), record}
