-- Keeps how many calls a process has made in a month, and adds what is new to the sums
-- of all processes.
-- KEYS[1]  calls: Hash, process and API to how many calls
-- KEYS[2]  all calls: Hash, API to how many calls of all processes
-- ARGV[1]  the process
-- ARGV[2]  how long both are kept from now on, in milliseconds
-- ARGV[3]  an API; ARGV[4] how many calls of it the process has made in all; and so on
-- returns  the sums of all processes: API, number, API, number and so on
for i = 3, #ARGV, 2 do
  local field = ARGV[1] .. ' ' .. ARGV[i]
  local new = ARGV[i + 1] - (redis.call('HGET', KEYS[1], field) or 0)
  if new > 0 then
    redis.call('HSET', KEYS[1], field, ARGV[i + 1])
    redis.call('HINCRBY', KEYS[2], ARGV[i], new)
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
  end
end
return redis.call('HGETALL', KEYS[2])
