-- Notes who was seen in a group or left it, changes its known members, and notes moves
-- with each message that was not yet posted then. For the members a sign that is older
-- than one of the person's that says otherwise does nothing.
-- KEYS[1]  about: Hash, exists if members are known
-- KEYS[2]  members: Hash, userIds
-- KEYS[3]  seen: Hash, userId to '+' (here) or '-' (left) and Unix milliseconds, by
--          DingTalk's clock
-- KEYS[4]  moved: Hash, the same of who came or left last, by the bot's own clock
-- KEYS[5]  announced: Sorted Set, see announce.lua
-- KEYS[6]  what the keys of the group's messages begin with; they are in the slot of
--          the others: Hash <n>, and Hash <n>:moves, as KEYS[4], of all moves with a
--          space between two
-- ARGV[1]  'add' and 'remove' those who came or left, or 'note' those who are there:
--          this changes KEYS[3] alone
-- ARGV[2]  when, in Unix milliseconds, by DingTalk's clock
-- ARGV[3]  how long signs are kept, in milliseconds
-- ARGV[4]  when, in Unix milliseconds, by the bot's own clock
-- ARGV[5]  how long moves are kept that a list of members may lack, in milliseconds
-- ARGV[6]  how long before its posting a message may have been recorded, likewise
-- ARGV[7]  how many messages are looked at, at most
-- ARGV[8…] userIds
-- returns  how many known members were added or removed
local FIRST = 8
local MOST = 500 -- bytes of one person's moves: some 30
local sign = ARGV[1] == 'remove' and '-' or '+'
local news = {}
for i = FIRST, #ARGV do
  local last = redis.call('HGET', KEYS[3], ARGV[i])
  local newer = not last or tonumber(string.sub(last, 2)) <= tonumber(ARGV[2])
  if newer then
    redis.call('HSET', KEYS[3], ARGV[i], sign .. ARGV[2])
  end
  if newer or string.sub(last, 1, 1) == sign then
    news[#news + 1] = ARGV[i]
  end
end
if #ARGV >= FIRST then
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
end
if ARGV[1] == 'note' or #ARGV < FIRST then
  return 0
end

local move = sign .. ARGV[4]
for _, number in ipairs(redis.call('ZREVRANGE', KEYS[5], 0, ARGV[7] - 1)) do
  local message = KEYS[6] .. number
  local state, created, sent = unpack(redis.call('HMGET', message, 'state', 'created', 'sent'))
  created, sent = tonumber(created or '0'), tonumber(sent or '0')
  if state and state ~= 'scheduled' and (sent >= tonumber(ARGV[4]) or sent == 0 and created >= tonumber(ARGV[4]) - tonumber(ARGV[6])) then
    local moves = message .. ':moves'
    for i = FIRST, #ARGV do
      local known = redis.call('HGET', moves, ARGV[i])
      if not known then
        redis.call('HSET', moves, ARGV[i], move)
      elseif #known < MOST and not string.find(known, move, 1, true) then
        redis.call('HSET', moves, ARGV[i], known .. ' ' .. move)
      end
    end
    redis.call('PEXPIRE', moves, redis.call('PTTL', message))
  end
end

for _, id in ipairs(news) do
  redis.call('HSET', KEYS[4], id, move)
end
redis.call('PEXPIRE', KEYS[4], ARGV[5])
local keep = redis.call('PTTL', KEYS[1])
if keep < 0 then
  return 0
end
local changed = 0
for _, id in ipairs(news) do
  if ARGV[1] == 'add' then
    changed = changed + redis.call('HSETNX', KEYS[2], id, '')
  else
    changed = changed + redis.call('HDEL', KEYS[2], id)
  end
end
if changed > 0 and ARGV[1] == 'add' then
  redis.call('PEXPIRE', KEYS[2], keep)
end
return changed
