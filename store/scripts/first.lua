-- Notes that a step is begun, unless it was begun before.
-- KEYS[1]  step: String, the try that began it
-- ARGV[1]  the try, by which its own repetition is known
-- ARGV[2]  how long the note is kept, in milliseconds
-- returns  1 begun now; 0 begun before by another try
local try = redis.call('GET', KEYS[1])
if try then
  return try == ARGV[1] and 1 or 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
