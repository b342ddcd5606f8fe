-- What the scripts share that record messages and begin to send them; it is put before them.

-- enter puts a message at the end of the Sorted Set announced, for a time in milliseconds. There
-- are the numbers of the last 1,000 messages, each with one more than the one before it.
local function enter(announced, number, ttl)
  local last = redis.call('ZREVRANGE', announced, 0, 0, 'WITHSCORES')
  redis.call('ZADD', announced, (last[2] or 0) + 1, number)
  redis.call('ZREMRANGEBYRANK', announced, 0, -1001)
  redis.call('PEXPIRE', announced, math.max(ttl, redis.call('PTTL', announced)))
end

-- address notes for whom a message is that is being sent: an audience as JSON, or '' if that is
-- not known, with who moved since it may have been counted.
local function address(message, moved, audience, since, ttl)
  if audience == '' then
    return
  end
  redis.call('SET', message .. ':audience', audience, 'PX', ttl)
  redis.call('DEL', message .. ':moves') -- of an audience that was counted before
  local moves = redis.call('HGETALL', moved)
  for i = 1, #moves, 2 do
    if tonumber(string.sub(moves[i + 1], 2)) >= tonumber(since) then
      redis.call('HSET', message .. ':moves', moves[i], moves[i + 1])
    end
  end
  redis.call('PEXPIRE', message .. ':moves', ttl)
end

