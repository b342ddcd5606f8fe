-- Forgets the message's last reminder, if it is of that run.
-- KEYS[1]  reminded: Hash, 'run'
-- ARGV[1]  the run
-- returns  1 forgotten; 0 it is of another run, or there is none
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
