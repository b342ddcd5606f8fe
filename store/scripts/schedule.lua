-- Puts jobs into the schedule, each in the place of the one with the same id.
-- KEYS[1]  schedule: Sorted Set, ids of jobs by when they are due, in Unix milliseconds
-- KEYS[2]  jobs: Hash, id of a job in the schedule to the job as JSON
-- KEYS[3]  what the keys of the groups' jobs begin with; they are in the slot of the
--          others: Set <group>, ids of the group's jobs in the schedule
-- ARGV     of each job its id, when it is due, its group, the job as JSON
-- returns  1
for i = 1, #ARGV, 4 do
  redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 3])
  redis.call('SADD', KEYS[3] .. ARGV[i + 2], ARGV[i])
end
return 1
