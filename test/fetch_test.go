package test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/pb"
)

// TestFetchLoadsOnceForManyGateways has processes at two gateways fetch one item: one of them loads it, first where it is
// missing, and again where little of its life is left.
func TestFetchLoadsOnceForManyGateways(t *testing.T) {
	gateways := loadingFleet(t, 2, "collapse=off")
	var caches []*client.Cache
	for range 5 {
		for _, s := range gateways {
			caches = append(caches, clientOf(t, s).Cache("default"))
		}
	}
	var loads atomic.Int64
	load := func(context.Context) ([]byte, error) {
		n := loads.Add(1)
		time.Sleep(time.Second) // so that most of them ask while it lasts; who comes later finds the item
		return []byte{'0' + byte(n)}, nil
	}
	fetchAll := func(what string, o client.FetchOptions, want ...string) {
		t.Helper()
		var all sync.WaitGroup
		for _, c := range caches {
			for range 20 {
				all.Go(func() {
					v, err := c.Fetch(t.Context(), []byte("k"), load, o)
					if err != nil || string(v) != want[0] && string(v) != want[len(want)-1] {
						t.Errorf("%s: got %q, %v", what, v, err)
					}
				})
			}
		}
		all.Wait()
	}
	fetchAll("missing", client.FetchOptions{TTL: time.Hour, Load: time.Minute}, "1")
	if n := loads.Load(); n != 1 {
		t.Fatalf("%d loads of what was missing", n)
	}
	// An item with less than Stale to live is loaded again, by one, and everybody else has what is there.
	fetchAll("old", client.FetchOptions{TTL: 2 * time.Hour, Stale: 90 * time.Minute, Load: time.Minute}, "1", "2")
	if n := loads.Load(); n != 2 {
		t.Errorf("%d loads in all", n)
	}
}

func clientOf(t *testing.T, s *server) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Endpoint: s.Listen, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// loading is the service hearth.Loading of one gateway.
type loading struct {
	*grpc.ClientConn
	ctx context.Context // names the cache
}

func loadingOf(t *testing.T, s *server) loading {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+s.Listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return loading{conn, metadata.AppendToOutgoingContext(t.Context(), "cache", "default")}
}

func (l loading) fetch(in *pb.XFetchRequest) (*pb.XFetchResponse, error) {
	out := &pb.XFetchResponse{}
	return out, l.Invoke(l.ctx, "/hearth.Loading/Fetch", in, out)
}

func (l loading) fill(in *pb.XFillRequest) (*pb.XFillResponse, error) {
	out := &pb.XFillResponse{}
	return out, l.Invoke(l.ctx, "/hearth.Loading/Fill", in, out)
}

// TestFillAtAnotherGateway has a balancer lead a loader's answer to another gateway than the one that told it to load: it is
// stored there, or given up, and who waits anywhere goes on.
func TestFillAtAnotherGateway(t *testing.T) {
	gateways := loadingFleet(t, 2, "collapse=on")
	one, two, ctx := loadingOf(t, gateways[0]), loadingOf(t, gateways[1]), t.Context()
	lease := func(key string) uint64 {
		t.Helper()
		r, err := one.fetch(&pb.XFetchRequest{CacheKey: []byte(key), WaitMilliseconds: 60_000, LoadMilliseconds: 60_000})
		if err != nil || r.GetLease() == 0 {
			t.Fatalf("nobody is told to load %s: %v, %v", key, r, err)
		}
		return r.GetLease()
	}
	fill := func(want bool, f *pb.XFillRequest) {
		t.Helper()
		f.TtlMilliseconds = 60_000
		if r, err := two.fill(f); err != nil || r.GetStored() != want {
			t.Errorf("%s: stored %v, %v; want %v", f.CacheKey, r.GetStored(), err, want)
		}
	}
	wait := func(key string) (got chan string) {
		got = make(chan string, len(gateways))
		for _, s := range gateways {
			c := clientOf(t, s).Cache("default")
			go func() {
				v, err := c.Fetch(ctx, []byte(key), func(context.Context) ([]byte, error) { return []byte("loaded again"), nil }, client.FetchOptions{TTL: time.Hour, Load: time.Minute})
				if err != nil {
					v = []byte(err.Error())
				}
				got <- string(v)
			}()
		}
		return got
	}

	l := lease("stored")
	waiters := wait("stored")
	fill(true, &pb.XFillRequest{CacheKey: []byte("stored"), CacheBody: []byte("v"), Lease: l})
	for range gateways {
		if v := <-waiters; v != "v" {
			t.Errorf("a waiter got %q", v)
		}
	}
	fill(false, &pb.XFillRequest{CacheKey: []byte("stored"), CacheBody: []byte("w"), Lease: l})

	l = lease("failed")
	waiters = wait("failed")
	fill(false, &pb.XFillRequest{CacheKey: []byte("failed"), Failed: true, Lease: l})
	for range gateways {
		if v := <-waiters; v != "loaded again" {
			t.Errorf("after a load that failed a waiter got %q", v)
		}
	}

	l = lease("deleted")
	if err := clientOf(t, gateways[1]).Cache("default").Delete(ctx, []byte("deleted")); err != nil {
		t.Fatal(err)
	}
	if r, err := one.fill(&pb.XFillRequest{CacheKey: []byte("deleted"), CacheBody: []byte("old"), TtlMilliseconds: 60_000, Lease: l}); err != nil || r.GetStored() {
		t.Errorf("a load that a delete at another gateway has overtaken: stored %v, %v", r.GetStored(), err)
	}
	l = lease("guessed")
	fill(false, &pb.XFillRequest{CacheKey: []byte("guessed"), CacheBody: []byte("v"), Lease: l + 1})
}
