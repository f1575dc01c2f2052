
-- The table of a cache's tags is a sorted set: 't' and a tag scores the number of its last invalidation, '!' the lowest
-- number that is not forgotten. Numbers are microseconds, and grow.

local function micros()
  local now = redis.call('TIME')
  return now[1] * 1000000 + now[2]
end

-- The tags of an item, as its trailer has them, '' where it has none.
local MARK = '\0\245hearth\246'
local FIXED = 5

local function tags_of(key)
  local tail = redis.pcall('GETRANGE', key, -(#MARK + 2), -1)
  if type(tail) ~= 'string' or #tail < #MARK + 2 or string.sub(tail, 3) ~= MARK then return '' end
  local size = string.byte(tail, 1) * 256 + string.byte(tail, 2)
  if size <= FIXED or size + #tail > redis.call('STRLEN', key) then return '' end
  return redis.call('GETRANGE', key, -(#tail + size) + FIXED, -(#tail + 1))
end

redis.register_function{function_name='hearth_tags_of', callback=function(keys) return tags_of(keys[1]) end, flags={'no-writes'}}

-- Takes an item out that still has these tags.
redis.register_function('hearth_untag', function(keys, args)
  if tags_of(keys[1]) ~= args[1] then return 0 end
  return redis.call('DEL', keys[1])
end)

-- whether to make a table: the number of the last invalidation, 0 where there is no table
redis.register_function('hearth_stamp', function(keys, args)
  local top = redis.call('ZRANGE', keys[1], -1, -1, 'WITHSCORES')
  if #top > 0 then return string.format('%.0f', top[2]) end
  if args[1] ~= '1' then return '0' end
  local now = string.format('%.0f', micros())
  redis.call('ZADD', keys[1], now, '!')
  return now
end)

-- tag, how many tags are remembered: for how long, in microseconds, there has been a table
redis.register_function('hearth_invalidate', function(keys, args)
  local key, now = keys[1], micros()
  local top = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
  local last = tonumber(top[2]) or now
  if #top == 0 then redis.call('ZADD', key, string.format('%.0f', now), '!') end
  redis.call('ZADD', key, string.format('%.0f', math.max(now, last + 1)), 't' .. args[1])
  if redis.call('ZCARD', key) > args[2] + 1 then
    local oldest = redis.call('ZRANGE', key, 1, 1, 'WITHSCORES')
    redis.call('ZREM', key, oldest[1])
    redis.call('ZADD', key, oldest[2], '!')
  end
  return string.format('%.0f', now - redis.call('ZSCORE', key, '!'))
end)

-- tags of items as their trailers have them: for each whether it was invalidated. Without a table all were.
redis.register_function{function_name='hearth_stale', flags={'no-writes'}, callback=function(keys, args)
  local floor = tonumber(redis.call('ZSCORE', keys[1], '!') or nil)
  local out = {}
  for i, tags in ipairs(args) do
    local stamp = 0
    for k = 1, 8 do stamp = stamp * 256 + (string.byte(tags, k) or 0) end
    local stale = not floor or stamp < floor
    local at = 9
    while not stale and at <= #tags do
      local size = string.byte(tags, at)
      local score = redis.call('ZSCORE', keys[1], 't' .. string.sub(tags, at + 1, at + size))
      stale = score and tonumber(score) > stamp
      at = at + 1 + size
    end
    out[i] = stale and 1 or 0
  end
  return out
end}
