-- Puts into a list of a group's members who came while it was made, and takes out who
-- left.
-- KEYS[1]  members: Hash, userIds; the list as it was made
-- KEYS[2]  moved: Hash, userId to '+' (came) or '-' (left) and Unix milliseconds
-- ARGV[1]  since when moves are not in the list, in Unix milliseconds
-- ARGV[2]  how long the list is kept, in milliseconds
-- returns  how many moves there were
local moved = redis.call('HGETALL', KEYS[2])
local count = 0
for i = 1, #moved, 2 do
  local id, move = moved[i], moved[i + 1]
  if tonumber(string.sub(move, 2)) >= tonumber(ARGV[1]) then
    count = count + 1
    if string.sub(move, 1, 1) == '+' then
      redis.call('HSET', KEYS[1], id, '')
    else
      redis.call('HDEL', KEYS[1], id)
    end
  end
end
if count > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return count
