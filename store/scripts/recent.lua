-- Reads the records of a group's last messages.
-- KEYS[1]  announced: Sorted Set, see announce.lua
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot of
--          KEYS[1]: Hash <n>
-- ARGV[1]  how many at most
-- returns  a list of {number, record}, the newest first; a record is its fields and
--          values. Messages whose time is over are left out
local recent = {}
for _, number in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1)) do
  local record = redis.call('HGETALL', KEYS[2] .. number)
  if #record > 0 then
    recent[#recent + 1] = {tonumber(number), record}
  end
end
return recent
