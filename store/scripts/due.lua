-- Moves jobs whose time has come from the schedule into the inbox, while there is room.
-- KEYS[1]  schedule: Sorted Set, ids of jobs by when they are due, in Unix milliseconds
-- KEYS[2]  stream: Stream, the lane of scheduled jobs
-- KEYS[3]  jobs: Hash, id of a job in the schedule to the job as JSON
-- KEYS[4]  what the keys of the groups' jobs begin with: see schedule.lua
-- ARGV[1]  now, in Unix milliseconds
-- ARGV[2]  how many may be in the lane
-- returns  when the next one is due, now or later, in Unix milliseconds; 0 if there is none
local room = math.max(0, ARGV[2] - redis.call('XLEN', KEYS[2]))
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, room)
for i = 1, #due, 2 do
  local id, text = due[i], redis.call('HGET', KEYS[3], due[i])
  if text then
    local job = cjson.decode(text)
    redis.call('XADD', KEYS[2], '*', 'id', id, 'kind', job.kind, 'group', job.group, 'body', job.body, 'at', due[i + 1])
    redis.call('SREM', KEYS[4] .. job.group, id)
    redis.call('HDEL', KEYS[3], id)
  end
  redis.call('ZREM', KEYS[1], id)
end
local first = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return tonumber(first[2] or 0)
