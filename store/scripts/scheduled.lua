-- Tells what is scheduled about a group.
-- KEYS[1]  schedule: Sorted Set, ids of jobs by when they are due, in Unix milliseconds
-- KEYS[2]  jobs: Hash, id of a job in the schedule to the job as JSON
-- KEYS[3]  the group's jobs: Set, ids
-- returns  a list of {id, when it is due, the job as JSON}, in no order
local all = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  local at, job = redis.call('ZSCORE', KEYS[1], id), redis.call('HGET', KEYS[2], id)
  if at and job then
    all[#all + 1] = {id, at, job}
  end
end
return all
