-- topic's key, which is its channel too · the channel of its lane, its name, messages and bytes that are kept, for how long
-- (milliseconds), payload
--
-- Numbers the message, keeps it, and tells the gateways. A topic is a hash: page, number of the last message and of the
-- first that is kept, bytes, and each message by its number, with the time in microseconds before it.
local key, lane, topic = KEYS[1], ARGV[1], ARGV[2]
local had = redis.call('HMGET', key, 'page', 'last', 'first', 'bytes')
local now = redis.call('TIME')
local time = string.format('%010d%06d', now[1], now[2])
local page, last, first, bytes = had[1], tonumber(had[2]), tonumber(had[3]), tonumber(had[4])
if not page then
  page, last, first, bytes = string.sub(time, 1, 13), 0, 1, 0
end
local kept = time .. ARGV[6]
last = last + 1
bytes = bytes + #kept
while last - first >= tonumber(ARGV[3]) or (bytes > tonumber(ARGV[4]) and first < last) do
  bytes = bytes - redis.call('HSTRLEN', key, first)
  redis.call('HDEL', key, first)
  first = first + 1
end
redis.call('HSET', key, 'page', page, 'last', last, 'first', first, 'bytes', bytes, last, kept)
redis.call('PEXPIRE', key, ARGV[5])
local message = page .. ' ' .. last .. ' ' .. #topic .. ' ' .. topic .. kept
local heard = redis.call('SPUBLISH', key, message)
if redis.call('PUBSUB', 'SHARDNUMSUB', lane)[2] > 0 then
  redis.call('SPUBLISH', lane, message)
end
return {page, last, heard}
