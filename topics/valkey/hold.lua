-- lease, what is noted · who wants it, for how long (milliseconds), page and number of what comes next (0: nothing to note), for
-- how long to remember what is noted (milliseconds)
--
-- Answers 0 where somebody else has the lease, 1 where it was ours before, and 2, page and number where it was not.
local has = redis.call('GET', KEYS[1])
if has and has ~= ARGV[1] then
  return {0}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local noted = redis.call('HMGET', KEYS[2], 'who', 'page', 'number')
local answer = {1}
if noted[1] ~= ARGV[1] then
  answer = {2, noted[2] or '0', noted[3] or '0'}
  redis.call('HSET', KEYS[2], 'who', ARGV[1])
elseif ARGV[4] ~= '0' then
  redis.call('HSET', KEYS[2], 'page', ARGV[3], 'number', ARGV[4])
end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return answer
