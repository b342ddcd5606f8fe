-- Ends the asking for a new token: keeps the token, if one came, and releases the lock.
-- KEYS[1]  lock: String, who asks
-- KEYS[2]  token: Hash, 'value', 'by' (who asked for it)
-- ARGV[1]  who asked
-- ARGV[2]  the token; '' if none came
-- ARGV[3]  how long the token is good, in milliseconds
-- returns  1 done, now or before; 0 the lock is another's or over: nothing is changed
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.call('HGET', KEYS[2], 'by') == ARGV[1] and 1 or 0
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[2], 'value', ARGV[2], 'by', ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
redis.call('DEL', KEYS[1])
return 1
