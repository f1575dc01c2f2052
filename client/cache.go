package client

import (
	"context"
	"time"
)

// Info is what the server says of one cache.
type Info struct {
	Name           string `json:"name"`
	TrafficRate    uint64 `json:"max_traffic_rate"`
	ThroughputKbps uint64 `json:"max_throughput_kbps"`
	ItemKilobytes  uint64 `json:"max_item_kb"`
	TTLSeconds     uint64 `json:"max_ttl_seconds"`
}

const scsControl = "/control_client.ScsControl/"

// CreateCache creates a cache; an error of kind hearth.Exists says that there is one of that name.
func (c *Client) CreateCache(ctx context.Context, name string) error {
	return c.onCache(ctx, "CreateCache", name)
}

// DeleteCache deletes a cache with everything in it; hearth.NoCache if there is none.
func (c *Client) DeleteCache(ctx context.Context, name string) error {
	return c.onCache(ctx, "DeleteCache", name)
}

// FlushCache removes every item of a cache and keeps its settings.
func (c *Client) FlushCache(ctx context.Context, name string) error {
	return c.onCache(ctx, "FlushCache", name)
}

// onCache calls a method whose request is a cache's name and whose answer is empty.
func (c *Client) onCache(ctx context.Context, method, name string) error {
	_, err := c.call(ctx, c.control, scsControl+method, "", message(nil).string(1, name))
	return err
}

// Caches lists every cache.
func (c *Client) Caches(ctx context.Context) ([]Info, error) {
	var all []Info
	for token := ""; ; {
		out, err := c.call(ctx, c.control, scsControl+"ListCaches", "", message(nil).string(1, token))
		if err != nil {
			return nil, err
		}
		token = ""
		err = read(out, func(f field) {
			switch f.number {
			case 1:
				all = append(all, readInfo(f.bytes))
			case 2:
				token = string(f.bytes)
			}
		})
		if err != nil || token == "" {
			return all, err
		}
	}
}

func readInfo(m []byte) Info {
	var i Info
	_ = read(m, func(f field) {
		switch f.number {
		case 1:
			i.Name = string(f.bytes)
		case 2:
			i.TrafficRate, _ = number(f.bytes, 1)
			i.ThroughputKbps, _ = number(f.bytes, 2)
			i.ItemKilobytes, _ = number(f.bytes, 3)
			i.TTLSeconds, _ = number(f.bytes, 4)
		}
	})
	return i
}

// Ping reports whether the server answers; it needs no key.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.call(ctx, c.data, "/cache_client.Ping/Ping", "", nil)
	return err
}

// Cache is one cache of a Client, by name. It need not exist yet.
type Cache struct {
	client *Client
	name   string
	near   *near // nil where every read goes to the server
}

// Cache returns the cache of that name, without asking the server.
func (c *Client) Cache(name string) *Cache { return &Cache{client: c, name: name} }

// Name returns the cache's name.
func (c *Cache) Name() string { return c.name }

// Client returns the client that the cache is one of.
func (c *Cache) Client() *Client { return c.client }

// do calls a method of the service Scs on the cache.
func (c *Cache) do(ctx context.Context, method string, m message) ([]byte, error) {
	return c.client.call(ctx, c.client.data, "/cache_client.Scs/"+method, c.name, m)
}

// resultHit is ECacheResult's value for a hit.
const resultHit = 2

// Get reads a scalar; ok is false where there is none. The value belongs to the caller.
func (c *Cache) Get(ctx context.Context, key []byte) (value []byte, ok bool, err error) {
	if c.near != nil {
		return c.near.get(ctx, c, key)
	}
	out, err := c.do(ctx, "Get", message(nil).bytes(1, key))
	if err != nil {
		return nil, false, err
	}
	return readGet(out)
}

func readGet(out []byte) (value []byte, ok bool, err error) {
	err = read(out, func(f field) {
		switch f.number {
		case 1:
			ok = f.varint == resultHit
		case 2:
			value = f.bytes
		}
	})
	return value, ok, err
}

// item is a request that stores value under key for ttl.
// millis is a duration as calls carry it. Of a negative one it is 0, which the server refuses as no time to live.
func millis(d time.Duration) uint64 { return uint64(max(0, d.Milliseconds())) }

func item(key, value []byte, ttl time.Duration) message {
	return message(nil).bytes(1, key).bytes(2, value).varint(3, millis(ttl))
}

// Set stores a scalar for ttl.
func (c *Cache) Set(ctx context.Context, key, value []byte, ttl time.Duration) error {
	_, err := c.write(ctx, "Set", key, item(key, value, ttl))
	return err
}

// SetIfAbsent stores a scalar for ttl where there is no item, and reports whether it did.
func (c *Cache) SetIfAbsent(ctx context.Context, key, value []byte, ttl time.Duration) (stored bool, err error) {
	out, err := c.write(ctx, "SetIfNotExists", key, item(key, value, ttl))
	if err != nil {
		return false, err
	}
	_, stored, err = member(out, 1)
	return stored, err
}

// Delete removes an item of any type; there need not be one.
func (c *Cache) Delete(ctx context.Context, key []byte) error {
	_, err := c.write(ctx, "Delete", key, message(nil).bytes(1, key))
	return err
}

// Increment adds amount to a decimal integer, 0 where there is none, gives it a new ttl, and returns the sum.
func (c *Cache) Increment(ctx context.Context, key []byte, amount int64, ttl time.Duration) (int64, error) {
	out, err := c.write(ctx, "Increment", key, message(nil).bytes(1, key).varint(2, uint64(amount)).varint(3, millis(ttl)))
	if err != nil {
		return 0, err
	}
	sum, err := number(out, 1)
	return int64(sum), err
}

// TTL returns how long an item has to live; ok is false where there is none.
func (c *Cache) TTL(ctx context.Context, key []byte) (ttl time.Duration, ok bool, err error) {
	out, err := c.do(ctx, "ItemGetTtl", message(nil).bytes(1, key))
	if err != nil {
		return 0, false, err
	}
	found, ok, err := member(out, 1)
	if err != nil || !ok {
		return 0, false, err
	}
	millis, err := number(found, 1)
	return time.Duration(millis) * time.Millisecond, true, err
}

// SetTTL gives an item a new time to live; ok is false where there is none.
func (c *Cache) SetTTL(ctx context.Context, key []byte, ttl time.Duration) (ok bool, err error) {
	return c.updateTTL(ctx, key, 4, ttl)
}
