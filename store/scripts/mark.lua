-- Takes a message a step on in its life.
-- KEYS[1]  message: Hash; in its slot is String <message>:content, what will be posted, which
--          is erased once that is done or will not be
-- KEYS[2]  processQueryKey: String, the number of the message with that key; or
--          'about ' and a number: it is that of a post that is no message; the same as
--          KEYS[1] if the step brings no key
-- ARGV[1]  the state it becomes
-- ARGV[2]  the states that allow it, each between two spaces
-- ARGV[3]  the message's number
-- ARGV[4…] further fields and values of the record
-- returns  {1, record} done, now or before; {0, record} its state does not allow it, or
--          the key is that of a post, the record as it is, fields and values; {-1, {}} no
--          message
local state = redis.call('HGET', KEYS[1], 'state')
if not state then
  return {-1, {}}
end
if KEYS[2] ~= KEYS[1] and string.find(redis.call('GET', KEYS[2]) or '', 'about ', 1, true) then
  return {0, redis.call('HGETALL', KEYS[1])}
end
if not string.find(ARGV[2], ' ' .. state .. ' ', 1, true) then
  local done = state == ARGV[1] and 1 or 0
  for i = 4, #ARGV, 2 do
    if ARGV[i] == 'key' and redis.call('HGET', KEYS[1], 'key') ~= ARGV[i + 1] then
      done = 0
    end
  end
  return {done, redis.call('HGETALL', KEYS[1])}
end
redis.call('HSET', KEYS[1], 'state', ARGV[1])
if ARGV[1] ~= 'scheduled' then
  redis.call('DEL', KEYS[1] .. ':content')
end
for i = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
if KEYS[2] ~= KEYS[1] then
  redis.call('SET', KEYS[2], ARGV[3], 'PX', redis.call('PTTL', KEYS[1]))
end
return {1, redis.call('HGETALL', KEYS[1])}
