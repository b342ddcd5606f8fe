-- Stands before the scripts that keep reads.
-- readers  Hash: userId to '<n> <t>', the last message of the group that the person read,
--          and the last time that they were certainly there for it, in Unix milliseconds
-- id       of the person
-- number   of a message that they read
-- at       when they read it, or when it was sent if no more is known
local function note_reader(readers, id, number, at)
  local known = redis.call('HGET', readers, id)
  local n, t = string.match(known or '0 0', '(%d+) (%d+)')
  local last = string.format('%.0f %.0f', math.max(n, number), math.max(t, at))
  if last ~= known then
    redis.call('HSET', readers, id, last)
  end
end

-- Keeps the readers no shorter than the reads of one message.
local function keep_readers(readers, keep)
  redis.call('PEXPIRE', readers, math.max(keep, redis.call('PTTL', readers)))
end

