#!lua name=hearth
-- What one-key commands of hearth do on a Valkey server where it has no command for it. Each is called with one key.

-- Answers what library is loaded.
redis.register_function('ping', function(keys, args) return 'PONG' end)
