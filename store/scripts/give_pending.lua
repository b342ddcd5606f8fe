-- Gives the question that somebody is asked to the first command that follows, so that no
-- other can answer it.
-- KEYS[1]  pending: Hash, 'pending' as JSON, 'command' to which it is given
-- ARGV[1]  the command
-- returns  1 it is this command's; 0 it is another's, or there is none
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSETNX', KEYS[1], 'command', ARGV[1])
return redis.call('HGET', KEYS[1], 'command') == ARGV[1] and 1 or 0
