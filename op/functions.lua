#!lua name=hearth
-- What hearth's commands need of a server that has no command for it. One function, one key.
-- An expiry is said as one argument: 0 never, +N in N milliseconds, @N at N milliseconds, = as it was.

local WRONG = 'WRONGTYPE Operation against a key holding the wrong kind of value'

local function expire(key, when)
  local how = string.sub(when, 1, 1)
  if how == '+' then
    redis.call('PEXPIRE', key, string.sub(when, 2))
  elseif how == '@' then
    redis.call('PEXPIREAT', key, string.sub(when, 2))
  elseif how == '0' then
    redis.call('PERSIST', key)
  end
end

local function store(key, value, when)
  local how = string.sub(when, 1, 1)
  if how == '+' then
    redis.call('SET', key, value, 'PX', string.sub(when, 2))
  elseif how == '@' then
    redis.call('SET', key, value, 'PXAT', string.sub(when, 2))
  elseif how == '=' then
    redis.call('SET', key, value, 'KEEPTTL')
  else
    redis.call('SET', key, value)
  end
end

local function type_of(key)
  return redis.call('TYPE', key)['ok']
end

local flags = { NX = true, XX = true, GT = true, LT = true, CH = true, INCR = true }

-- call runs a command in pieces, since Lua's unpack is bounded, each with the flags of ZADD that stand first. It returns
-- the sum of the numbers that the command returned, or its last other reply.
local function call(name, key, args, first)
  local sum, last, head, i = 0, nil, {}, first
  while name == 'ZADD' and flags[args[i]] do
    head[#head + 1] = args[i]
    i = i + 1
  end
  while i <= #args do
    local j = math.min(i + 4999, #args)
    if #head > 0 then
      local piece = { unpack(head) }
      for k = i, j do piece[#piece + 1] = args[k] end
      last = redis.pcall(name, key, unpack(piece))
    else
      last = redis.pcall(name, key, unpack(args, i, j))
    end
    if type(last) == 'table' and last.err then
      return last
    end
    if type(last) == 'number' then
      sum = sum + last
    end
    i = j + 1
  end
  if type(last) == 'number' then
    return sum
  end
  return last
end

local function holds(condition, present, equal)
  if condition == 'always' then return true end
  if condition == 'absent' then return not present end
  if condition == 'present' then return present end
  if condition == 'equal' then return equal end
  if condition == 'not_equal' then return not equal end
  if condition == 'present_and_not_equal' then return present and not equal end
  return not present or equal
end

-- condition, compared, value, expiry, whether the old value is wanted: {stored, old}
local function set_if(keys, args)
  local key, kind = keys[1], type_of(keys[1])
  local old = false
  if kind == 'string' then
    old = redis.call('GET', key)
  elseif kind ~= 'none' and args[5] == '1' then
    return redis.error_reply(WRONG)
  end
  local stored = 0
  if holds(args[1], kind ~= 'none', old ~= false and old == args[2]) then
    store(key, args[3], args[4])
    stored = 1
  end
  if args[5] ~= '1' then old = false end
  return {stored, old}
end

-- condition, hashes in hex in a row, value, expiry: whether it was stored
local function set_if_hash(keys, args)
  local key, kind = keys[1], type_of(keys[1])
  local equal = false
  if kind == 'string' then
    local hash = redis.sha1hex(redis.call('GET', key))
    for i = 1, #args[2], #hash do
      equal = equal or string.sub(args[2], i, i + #hash - 1) == hash
    end
  end
  if not holds(args[1], kind ~= 'none', equal) then return 0 end
  store(key, args[3], args[4])
  return 1
end

-- amount, expiry: the result. It is read back, since Lua's numbers have 53 bits.
local function increment(keys, args)
  local n = redis.pcall('INCRBY', keys[1], args[1])
  if type(n) == 'table' and n.err then return n end
  expire(keys[1], args[2])
  return redis.call('GET', keys[1])
end

-- kind: whether there was one
local function delete_kind(keys, args)
  local kind = type_of(keys[1])
  if kind == 'none' then return 0 end
  if kind ~= args[1] then return redis.error_reply(WRONG) end
  return redis.call('DEL', keys[1])
end

local kinds = { HSET = 'hash', HINCRBY = 'hash', SADD = 'set', ZADD = 'zset', RPUSH = 'list', LPUSH = 'list' }

-- command, expiry, refresh, its arguments: what the command returns. The expiry is for a new collection, or any where
-- refresh is 1.
local function write(keys, args)
  local key, name = keys[1], args[1]
  local kind = type_of(key)
  if kind ~= 'none' and kind ~= kinds[name] then return redis.error_reply(WRONG) end
  local reply = 0
  if #args > 3 then
    reply = call(name, key, args, 4)
    if name == 'RPUSH' or name == 'LPUSH' then reply = redis.call('LLEN', key) end
  end
  if reply == false or type(reply) == 'table' and reply.err then return reply end
  if kind == 'none' or args[3] == '1' then expire(key, args[2]) end
  if name == 'HINCRBY' then return redis.call('HGET', key, args[4]) end
  return reply
end

-- command, size, expiry, refresh, values: the length
local function push(keys, args)
  local key, name, size = keys[1], args[1], tonumber(args[2])
  local kind = type_of(key)
  if kind ~= 'none' and kind ~= 'list' then return redis.error_reply(WRONG) end
  call(name, key, args, 5)
  if name == 'LPUSH' then
    redis.call('LTRIM', key, 0, size - 1)
  else
    redis.call('LTRIM', key, -size, -1)
  end
  if kind == 'none' or args[4] == '1' then expire(key, args[3]) end
  return redis.call('LLEN', key)
end

-- first, last, expiry: the length, -1 where there is no list
local function retain(keys, args)
  local key, kind = keys[1], type_of(keys[1])
  if kind == 'none' then return -1 end
  if kind ~= 'list' then return redis.error_reply(WRONG) end
  redis.call('LTRIM', key, args[1], args[2])
  expire(key, args[3])
  return redis.call('LLEN', key)
end

-- destination and sources; expiry, aggregate, weights: the length
local function union_store(keys, args)
  local said = { #keys - 1 }
  for i = 2, #keys do said[#said + 1] = keys[i] end
  said[#said + 1] = 'WEIGHTS'
  for i = 3, #args do said[#said + 1] = args[i] end
  said[#said + 1] = 'AGGREGATE'
  said[#said + 1] = args[2]
  local n = redis.pcall('ZUNIONSTORE', keys[1], unpack(said))
  if type(n) == 'number' then expire(keys[1], args[1]) end
  return n
end

-- begin, end, begin, end …, from the last to the first, apart from each other: the length, -1 where there is no list
local function erase(keys, args)
  local key, kind = keys[1], type_of(keys[1])
  if kind == 'none' then return -1 end
  if kind ~= 'list' then return redis.error_reply(WRONG) end
  local values = redis.call('LRANGE', key, 0, -1)
  local kept, n, r = {}, #values, #args - 1
  for i = 0, n - 1 do
    while r >= 1 and i >= tonumber(args[r + 1]) do r = r - 2 end
    if r < 1 or i < tonumber(args[r]) then kept[#kept + 1] = values[i + 1] end
  end
  if #kept == n then return n end
  local ttl = redis.call('PEXPIRETIME', key)
  redis.call('DEL', key)
  if #kept == 0 then return 0 end
  call('RPUSH', key, kept, 1)
  if ttl > 0 then redis.call('PEXPIREAT', key, ttl) end
  return #kept
end

-- elements: the set becomes these without those that it had; whether there was a set
local function subtract_from(keys, args)
  local key, kind = keys[1], type_of(keys[1])
  if kind == 'none' then return 0 end
  if kind ~= 'set' then return redis.error_reply(WRONG) end
  local kept = {}
  for _, e in ipairs(args) do
    if redis.call('SISMEMBER', key, e) == 0 then kept[#kept + 1] = e end
  end
  local ttl = redis.call('PEXPIRETIME', key)
  redis.call('DEL', key)
  if #kept > 0 then
    call('SADD', key, kept, 1)
    if ttl > 0 then redis.call('PEXPIREAT', key, ttl) end
  end
  return 1
end

-- expiry in milliseconds, ids
local function board_remove(keys, args)
  local n = call('ZREM', keys[1], args, 2)
  if type(n) == 'table' and n.err then return n end
  if n and n > 0 then redis.call('PEXPIRE', keys[1], args[1]) end
  return n or 0
end

-- whether descending, ids: id, score, rank, …
local function ranks(keys, args, rank)
  local out = {}
  for i = 2, #args do
    local score = redis.pcall('ZSCORE', keys[1], args[i])
    if type(score) == 'table' and score.err then return score end
    if score then
      out[#out + 1] = args[i]
      out[#out + 1] = score
      out[#out + 1] = rank(args[i], score)
    end
  end
  return out
end

local function board_rank(keys, args)
  local name = args[1] == '1' and 'ZREVRANK' or 'ZRANK'
  return ranks(keys, args, function(id) return redis.call(name, keys[1], id) end)
end

local function board_competition_rank(keys, args)
  return ranks(keys, args, function(_, score)
    if args[1] == '1' then return redis.call('ZCOUNT', keys[1], '(' .. score, '+inf') end
    return redis.call('ZCOUNT', keys[1], '-inf', '(' .. score)
  end)
end

redis.register_function('hearth_set_if', set_if)
redis.register_function('hearth_set_if_hash', set_if_hash)
redis.register_function('hearth_increment', increment)
redis.register_function('hearth_delete_kind', delete_kind)
redis.register_function('hearth_write', write)
redis.register_function('hearth_push', push)
redis.register_function('hearth_erase', erase)
redis.register_function('hearth_retain', retain)
redis.register_function('hearth_union_store', union_store)
redis.register_function('hearth_subtract_from', subtract_from)
redis.register_function('hearth_board_remove', board_remove)
redis.register_function{function_name='hearth_board_rank', callback=board_rank, flags={'no-writes'}}
redis.register_function{function_name='hearth_board_competition_rank', callback=board_competition_rank, flags={'no-writes'}}

-- Answers whether the library is loaded.
redis.register_function('ping', function() return 'PONG' end)

-- Writes an item that was changed elsewhere, where it is still what it was there: none, a string, or something else.
redis.register_function('hearth_swap', function(keys, args)
  local kind = redis.call('TYPE', keys[1]).ok
  local is = kind == 'none' and 'none' or kind == 'string' and 'string' or 'other'
  if is ~= args[1] or (is == 'string' and redis.call('GET', keys[1]) ~= args[2]) then
    return 0
  end
  if args[3] == 'delete' then
    redis.call('DEL', keys[1])
  elseif args[5] == '-1' then
    redis.call('SET', keys[1], args[4], 'KEEPTTL')
  elseif args[5] == '0' then
    redis.call('SET', keys[1], args[4])
  else
    redis.call('SET', keys[1], args[4], 'PX', args[5])
  end
  return 1
end)
