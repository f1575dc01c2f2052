package client

import (
	"context"
	"time"

	"github.com/hearthcache/hearth/pb"
)

// Info is what the server says of one cache.
type Info struct {
	Name           string `json:"name"`
	ItemKilobytes  uint32 `json:"max_item_kb"`
	TTLSeconds     uint64 `json:"max_ttl_seconds"`
	TrafficRate    uint32 `json:"max_traffic_rate"`
	ThroughputKbps uint32 `json:"max_throughput_kbps"`
}

const control = "/control_client.ScsControl/"

// CreateCache creates a cache; an error of kind hearth.Exists says that there is one of that name.
func (c *Client) CreateCache(ctx context.Context, name string) error {
	return c.call(ctx, c.control, control+"CreateCache", "", &pb.XCreateCacheRequest{CacheName: name}, &pb.XCreateCacheResponse{})
}

// DeleteCache deletes a cache with everything in it; hearth.NoCache if there is none.
func (c *Client) DeleteCache(ctx context.Context, name string) error {
	return c.call(ctx, c.control, control+"DeleteCache", "", &pb.XDeleteCacheRequest{CacheName: name}, &pb.XDeleteCacheResponse{})
}

// FlushCache removes every item of a cache and keeps its settings.
func (c *Client) FlushCache(ctx context.Context, name string) error {
	return c.call(ctx, c.control, control+"FlushCache", "", &pb.XFlushCacheRequest{CacheName: name}, &pb.XFlushCacheResponse{})
}

// Caches lists every cache.
func (c *Client) Caches(ctx context.Context) ([]Info, error) {
	var all []Info
	token := ""
	for {
		var page pb.XListCachesResponse
		if err := c.call(ctx, c.control, control+"ListCaches", "", &pb.XListCachesRequest{NextToken: token}, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Cache {
			l := p.GetCacheLimits()
			all = append(all, Info{Name: p.CacheName, ItemKilobytes: l.GetMaxItemSizeKb(), TTLSeconds: l.GetMaxTtlSeconds(),
				TrafficRate: l.GetMaxTrafficRate(), ThroughputKbps: l.GetMaxThroughputKbps()})
		}
		if token = page.NextToken; token == "" {
			return all, nil
		}
	}
}

// Ping reports whether the server answers; it needs no key.
func (c *Client) Ping(ctx context.Context) error {
	return c.call(ctx, c.data, "/cache_client.Ping/Ping", "", &pb.XPingRequest{}, &pb.XPingResponse{})
}

// Cache is one cache of a Client, by name. It need not exist yet.
type Cache struct {
	client *Client
	name   string
}

// Cache returns the cache of that name, without asking the server.
func (c *Client) Cache(name string) *Cache { return &Cache{client: c, name: name} }

const scs = "/cache_client.Scs/"

// Get reads a scalar; ok is false where there is none.
func (c *Cache) Get(ctx context.Context, key []byte) (value []byte, ok bool, err error) {
	var out pb.XGetResponse
	if err := c.client.call(ctx, c.client.data, scs+"Get", c.name, &pb.XGetRequest{CacheKey: key}, &out); err != nil {
		return nil, false, err
	}
	return out.CacheBody, out.Result == pb.ECacheResult_Hit, nil
}

// Set stores a scalar for ttl.
func (c *Cache) Set(ctx context.Context, key, value []byte, ttl time.Duration) error {
	in := &pb.XSetRequest{CacheKey: key, CacheBody: value, TtlMilliseconds: uint64(ttl.Milliseconds())}
	return c.client.call(ctx, c.client.data, scs+"Set", c.name, in, &pb.XSetResponse{})
}

// SetIfAbsent stores a scalar for ttl where there is no item, and reports whether it did.
func (c *Cache) SetIfAbsent(ctx context.Context, key, value []byte, ttl time.Duration) (stored bool, err error) {
	var out pb.XSetIfNotExistsResponse
	in := &pb.XSetIfNotExistsRequest{CacheKey: key, CacheBody: value, TtlMilliseconds: uint64(ttl.Milliseconds())}
	err = c.client.call(ctx, c.client.data, scs+"SetIfNotExists", c.name, in, &out)
	return out.GetStored() != nil, err
}

// Delete removes an item of any type; there need not be one.
func (c *Cache) Delete(ctx context.Context, key []byte) error {
	return c.client.call(ctx, c.client.data, scs+"Delete", c.name, &pb.XDeleteRequest{CacheKey: key}, &pb.XDeleteResponse{})
}

// Increment adds amount to a decimal integer, 0 where there is none, gives it a new ttl, and returns the sum.
func (c *Cache) Increment(ctx context.Context, key []byte, amount int64, ttl time.Duration) (int64, error) {
	var out pb.XIncrementResponse
	in := &pb.XIncrementRequest{CacheKey: key, Amount: amount, TtlMilliseconds: uint64(ttl.Milliseconds())}
	err := c.client.call(ctx, c.client.data, scs+"Increment", c.name, in, &out)
	return out.Value, err
}

// TTL returns how long an item has to live; ok is false where there is none.
func (c *Cache) TTL(ctx context.Context, key []byte) (ttl time.Duration, ok bool, err error) {
	var out pb.XItemGetTtlResponse
	if err := c.client.call(ctx, c.client.data, scs+"ItemGetTtl", c.name, &pb.XItemGetTtlRequest{CacheKey: key}, &out); err != nil {
		return 0, false, err
	}
	found := out.GetFound()
	return time.Duration(found.GetRemainingTtlMillis()) * time.Millisecond, found != nil, nil
}

// SetTTL gives an item a new time to live; ok is false where there is none.
func (c *Cache) SetTTL(ctx context.Context, key []byte, ttl time.Duration) (ok bool, err error) {
	var out pb.XUpdateTtlResponse
	in := &pb.XUpdateTtlRequest{CacheKey: key, UpdateTtl: &pb.XUpdateTtlRequest_OverwriteToMilliseconds{
		OverwriteToMilliseconds: uint64(ttl.Milliseconds())}}
	err = c.client.call(ctx, c.client.data, scs+"UpdateTtl", c.name, in, &out)
	return out.GetSet() != nil, err
}
