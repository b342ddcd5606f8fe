-- Looks at a group's last messages for what is known of their readers.
-- KEYS[1]  sequence: String, the group's last number
-- KEYS[2]  what the keys of the group's messages begin with; they are in the slot of
--          KEYS[1]: Hash <n>
-- ARGV[1]  how many at most
-- returns  {the lowest number that is still kept, 0 if none is; when the last read was
--          pushed, in Unix milliseconds, 0 if none was}
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local first, pushed = 0, 0
for number = last, math.max(1, last - tonumber(ARGV[1]) + 1), -1 do
  local state, at = unpack(redis.call('HMGET', KEYS[2] .. number, 'state', 'pushed'))
  if state then
    first = number
    pushed = math.max(pushed, tonumber(at or '0'))
  end
end
return {first, pushed}
