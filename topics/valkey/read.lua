-- topic's key · page that the gateway knows, number and time of the last message that it has, the number from which on it
-- wants messages of that page, and of another page, for how long to keep the topic (milliseconds)
--
-- Answers with the page, the last number, its time, the number of the first message that follows, and the messages. Where
-- there is no such topic it begins one, so that whoever listens knows the page before anything is published; with 0 where a
-- server that is full has no room for it. Where the gateway has a message that the server has not, or another one in its place, a
-- failover has lost it: its number is not given twice on one page, so the page is turned.
local key = KEYS[1]
local had = redis.call('HMGET', key, 'page', 'last', 'first')
local function nextPage(before)
  local now = redis.call('TIME')
  return string.format('%.0f', math.max(tonumber(before) + 1, math.floor(now[1] * 1000 + now[2] / 1000)))
end
if not had[1] then
  had = {nextPage(ARGV[1]), '0', '1'}
  local made = redis.pcall('HSET', key, 'page', had[1], 'last', had[2], 'first', had[3], 'bytes', 0)
  if type(made) == 'table' and made.err then
    return {'0'}
  end
end
local page, last, first = had[1], tonumber(had[2]), tonumber(had[3])
local seen = tonumber(ARGV[2])
if ARGV[1] == page and seen > 0 then
  local mine = seen >= first and ARGV[3] ~= '' and redis.call('HGET', key, seen)
  if seen > last or (mine and string.sub(mine, 1, 16) ~= ARGV[3]) then
    page = nextPage(page)
    redis.call('HSET', key, 'page', page)
  end
end
redis.call('PEXPIRE', key, ARGV[6])
local from = tonumber(ARGV[1] == page and ARGV[4] or ARGV[5])
from = math.max(first, math.min(from, last + 1))
local newest = redis.call('HGET', key, last)
local out = {page, last, newest and string.sub(newest, 1, 16) or '', from}
if from <= last then
  local numbers = {}
  for n = from, last do numbers[#numbers + 1] = n end
  for _, kept in ipairs(redis.call('HMGET', key, unpack(numbers))) do out[#out + 1] = kept end
end
return out
