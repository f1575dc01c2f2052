-- topic's key · for how long it is kept (milliseconds)
--
-- Skips a number, and forgets every message before it: gateways find that something is missing.
local had = redis.call('HMGET', KEYS[1], 'page', 'last')
local now = redis.call('TIME')
local page = had[1] or string.format('%.0f', math.floor(now[1] * 1000 + now[2] / 1000))
local last = (tonumber(had[2]) or 0) + 1
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'page', page, 'last', last, 'first', last + 1, 'bytes', 0)
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
