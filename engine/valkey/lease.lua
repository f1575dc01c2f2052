
-- Runs a command on an item in one step with the end of its lease, where that is still the caller's. A command whose
-- condition does not hold answers nil, and has not happened.
redis.register_function('hearth_leased', function(keys, args)
  if redis.call('GET', keys[2]) ~= args[1] then
    return 0
  end
  redis.call('DEL', keys[2])
  return redis.call(unpack(args, 2)) and 1 or 0
end)

-- Prolongs a lease that is still the caller's, leaves a note in its place, or ends it.
redis.register_function('hearth_lease', function(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then
    return 0
  end
  if args[2] == '0' then
    redis.call('DEL', keys[1])
  elseif args[3] then
    redis.call('SET', keys[1], args[3], 'PX', args[2])
  else
    redis.call('PEXPIRE', keys[1], args[2])
  end
  return 1
end)
