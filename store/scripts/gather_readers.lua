-- Notes the readers of a message that were kept before readers were noted.
-- KEYS[1]  message: Hash, its field 'noted' exists once that is done
-- KEYS[2]  reads: Hash, userId to Unix milliseconds, with '=' before an exact time
-- KEYS[3]  readers: Hash, see note_reader.lua
-- ARGV[1]  the message's number
-- returns  how many there are; -1 no message
local keep = redis.call('PTTL', KEYS[1])
if keep == -2 then
  return -1
end
local sent = redis.call('HGET', KEYS[1], 'sent') or '0'
local pushed = redis.call('HGET', KEYS[1], 'pushed') or '0'
local reads = redis.call('HGETALL', KEYS[2])
for i = 1, #reads, 2 do
  local exact = string.match(reads[i + 1], '^=(%d+)$')
  note_reader(KEYS[3], reads[i], ARGV[1], exact or sent)
  if exact and tonumber(exact) > tonumber(pushed) then
    pushed = exact
  end
end
if #reads > 0 and keep >= 0 then -- a copy of a Redis may have lost when it ends
  keep_readers(KEYS[3], keep)
end
redis.call('HSET', KEYS[1], 'noted', '1', 'pushed', pushed)
return #reads / 2
