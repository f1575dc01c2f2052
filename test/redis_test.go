package test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"
)

// The clients that Node.js programs use with Redis and memcached, against the built binary.
func TestRedisNodeClients(t *testing.T) {
	everywhere(t, func(t *testing.T, start starter) {
		s := start(t)
		t.Log(node(t, "redis.mjs", s.RESP, s.Memcache))
	})
}

// TestGoRedis does with a pool of connections what applications do with go-redis.
func TestGoRedis(t *testing.T) {
	everywhere(t, func(t *testing.T, start starter) {
		rdb := redis.NewClient(&redis.Options{Addr: start(t).RESP, PoolFIFO: true, PoolSize: 4, MinIdleConns: 4})
		defer rdb.Close()
		ctx := t.Context()
		same := func(what string, got any, err error, want any) {
			t.Helper()
			if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w || err != nil {
				t.Errorf("%s: %s, %v; want %s", what, g, err, w)
			}
		}
		// Each round may take other connections than the one before.
		for i := range 20 {
			k := func(name string) string { return fmt.Sprintf("{%d}%s", i, name) }
			set, err := rdb.Set(ctx, k("k"), "v", time.Minute).Result()
			same("SET", set, err, "OK")
			got, err := rdb.Get(ctx, k("k")).Result()
			same("GET", got, err, "v")
			ttl, err := rdb.TTL(ctx, k("k")).Result()
			same("TTL", ttl > 50*time.Second && ttl <= time.Minute, err, true)
			n, err := rdb.Incr(ctx, "n").Result()
			same("INCR", n, err, i+1)
			added, err := rdb.HSet(ctx, k("h"), "a", 1, "b", 2).Result()
			same("HSET", added, err, 2)
			all, err := rdb.HGetAll(ctx, k("h")).Result()
			same("HGETALL", all, err, map[string]string{"a": "1", "b": "2"})
			pushed, err := rdb.RPush(ctx, "list", i).Result()
			same("RPUSH", pushed, err, i+1)
			scored, err := rdb.ZAdd(ctx, k("z"), redis.Z{Score: 1.5, Member: "m"}, redis.Z{Score: 1, Member: "n"}).Result()
			same("ZADD", scored, err, 2)
			ranked, err := rdb.ZRange(ctx, k("z"), 0, -1).Result()
			same("ZRANGE", ranked, err, "[n m]")
			several, err := rdb.MGet(ctx, k("k"), "n", "none").Result()
			same("MGET over slots", several, err, fmt.Sprintf("[v %d <nil>]", i+1))
			_, err = rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, k("m"), 1, 0)
				p.Incr(ctx, k("m"))
				return nil
			})
			same("MULTI", "", err, "")
			err = rdb.Watch(ctx, func(tx *redis.Tx) error {
				if err := rdb.Incr(ctx, k("m")).Err(); err != nil {
					return err
				}
				_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, k("m"), "lost", 0); return nil })
				return err
			}, k("m"))
			same("EXEC after another connection's write", errors.Is(err, redis.TxFailedErr), nil, true)
			got, err = rdb.Get(ctx, k("m")).Result()
			same("GET after it", got, err, "3")
			same("LPUSH on a string", rdb.LPush(ctx, k("k"), "x").Err(), nil, "WRONGTYPE Operation against a key holding the wrong kind of value")
		}
		cmds, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 200 {
				p.Set(ctx, "p"+strconv.Itoa(i), i, time.Minute)
				p.Get(ctx, "p"+strconv.Itoa(i))
			}
			return nil
		})
		same("a pipeline", cmds[399].(*redis.StringCmd).Val(), err, "199")
		var found []string
		for it := rdb.Scan(ctx, 0, "p*", 50).Iterator(); it.Next(ctx); {
			found = append(found, it.Val())
		}
		slices.Sort(found)
		same("SCAN", len(slices.Compact(found)), nil, 200)
		same("FLUSHDB", rdb.FlushDB(ctx).Err(), nil, nil)
		for range 4 {
			left, err := rdb.Exists(ctx, "n", "list", "p7").Result()
			same("EXISTS after FLUSHDB", left, err, 0)
		}
	})
}

// TestGoMemcache does what applications do with gomemcache.
func TestGoMemcache(t *testing.T) {
	everywhere(t, func(t *testing.T, start starter) {
		mc := memcache.New(start(t).Memcache)
		defer mc.Close()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		for i := range 10 {
			k := strconv.Itoa(i)
			must(mc.Set(&memcache.Item{Key: k, Value: []byte("v"), Flags: 7, Expiration: 60}))
			it, err := mc.Get(k)
			if err != nil || string(it.Value) != "v" || it.Flags != 7 {
				t.Fatalf("%+v, %v", it, err)
			}
			it.Value = []byte("w")
			must(mc.CompareAndSwap(it))
			if err := mc.CompareAndSwap(it); err != memcache.ErrCASConflict {
				t.Errorf("a second swap: %v", err)
			}
			if err := mc.Add(&memcache.Item{Key: k, Value: []byte("x")}); err != memcache.ErrNotStored {
				t.Errorf("add over an item: %v", err)
			}
			must(mc.Append(&memcache.Item{Key: k, Value: []byte("x")}))
			all, err := mc.GetMulti([]string{k, "none"})
			if err != nil || len(all) != 1 || string(all[k].Value) != "wx" {
				t.Errorf("%v, %v", all, err)
			}
			must(mc.Set(&memcache.Item{Key: "n" + k, Value: []byte("5")}))
			if n, err := mc.Increment("n"+k, 3); n != 8 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			must(mc.Touch(k, 90))
			must(mc.Delete(k))
			if _, err := mc.Get(k); err != memcache.ErrCacheMiss {
				t.Errorf("get of what was deleted: %v", err)
			}
		}
	})
}
