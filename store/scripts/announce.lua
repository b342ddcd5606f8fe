-- What the scripts share that begin to send a message; it is put before them.

-- announce notes that the sending of a message begins, for an audience as JSON, or '' if that
-- is not known, with who moved since it may have been counted, and keeps all that for a time
-- in milliseconds. In the Sorted Set announced are the numbers of the last 1,000 messages,
-- each with one more than the one that was announced before it.
local function announce(announced, number, message, moved, audience, since, ttl)
  local last = redis.call('ZREVRANGE', announced, 0, 0, 'WITHSCORES')
  redis.call('ZADD', announced, (last[2] or 0) + 1, number)
  redis.call('ZREMRANGEBYRANK', announced, 0, -1001)
  redis.call('PEXPIRE', announced, ttl)
  if audience == '' then
    return
  end
  redis.call('SET', message .. ':audience', audience, 'PX', ttl)
  local moves = redis.call('HGETALL', moved)
  for i = 1, #moves, 2 do
    if tonumber(string.sub(moves[i + 1], 2)) >= tonumber(since) then
      redis.call('HSET', message .. ':moves', moves[i], moves[i + 1])
    end
  end
  redis.call('PEXPIRE', message .. ':moves', ttl)
end

