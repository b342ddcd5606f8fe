-- Notes that DingTalk's list of a message's readers had no end.
-- KEYS[1]  message: Hash
-- ARGV[1]  when, in Unix milliseconds
-- returns  1 saved; 0 no message
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'endless', ARGV[1])
return 1
