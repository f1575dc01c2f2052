-- lease, what is noted · who has the lease, page and number of what comes next (0: nothing to note), 1 where the webhook is gone
--
-- Notes what comes next and ends a lease that is ours; of a webhook that is gone it forgets all, unless somebody else has
-- made it again.
local has = redis.call('GET', KEYS[1])
if has and has ~= ARGV[1] then return 0 end
if ARGV[4] == '1' then return redis.call('DEL', KEYS[1], KEYS[2]) end
if has and ARGV[3] ~= '0' then redis.call('HSET', KEYS[2], 'page', ARGV[2], 'number', ARGV[3]) end
return redis.call('DEL', KEYS[1])
