-- Finds the follow-ups of a group's messages that go on.
-- KEYS[1]  followed: Set, the numbers of the group's messages that are followed up
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot of KEYS[1]:
--          Hash <n>:follow_up, 'follow_up' as JSON
-- returns  {number, follow-up, ...}, without those that went with their messages
local all = {}
for _, number in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local text = redis.call('HGET', KEYS[2] .. number .. ':follow_up', 'follow_up')
  if text then
    all[#all + 1] = number
    all[#all + 1] = text
  end
end
return all
