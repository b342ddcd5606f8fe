-- Takes jobs out of the schedule.
-- KEYS[1]  schedule: Sorted Set, ids of jobs by when they are due
-- KEYS[2]  jobs: Hash, id of a job in the schedule to the job as JSON
-- KEYS[3]  what the keys of the groups' jobs begin with: see schedule.lua
-- ARGV     ids
-- returns  how many of them were in the schedule
local cancelled = 0
for _, id in ipairs(ARGV) do
  local job = redis.call('HGET', KEYS[2], id)
  if job then
    redis.call('SREM', KEYS[3] .. cjson.decode(job).group, id)
    redis.call('HDEL', KEYS[2], id)
  end
  cancelled = cancelled + redis.call('ZREM', KEYS[1], id)
end
return cancelled
