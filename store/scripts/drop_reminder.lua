-- Forgets the message's last reminder in each way, if it is of that run.
-- KEYS[1…] reminded: Hash of each way, 'run'
-- ARGV[1]  the run
-- returns  how many were forgotten
local forgotten = 0
for _, reminded in ipairs(KEYS) do
  if redis.call('HGET', reminded, 'run') == ARGV[1] then
    forgotten = forgotten + redis.call('DEL', reminded)
  end
end
return forgotten
