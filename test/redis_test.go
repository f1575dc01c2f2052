package test

import "testing"

// The clients that Node.js programs use with Redis and memcached, against the built binary.
func TestRedisNodeClients(t *testing.T) {
	s := start(t)
	t.Log(node(t, "redis.mjs", s.RESP, s.Memcache))
}
