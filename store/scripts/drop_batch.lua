-- Has a batch of a run count as not begun, if that try began it.
-- KEYS[1]  run: Hash, 'begun:<batch>' is the try
-- ARGV[1]  batch
-- ARGV[2]  the try
-- returns  1 dropped; 0 another try began it, or none
local begun = 'begun:' .. ARGV[1]
if redis.call('HGET', KEYS[1], begun) ~= ARGV[2] then
  return 0
end
return redis.call('HDEL', KEYS[1], begun)
