package valkey

import (
	"context"
	"net"
	"testing"

	"github.com/hearthcache/hearth"
	engine "github.com/hearthcache/hearth/engine/valkey"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/topics/topicstest"
)

// gateway returns a gateway's broker over servers.
func gateway(t *testing.T, addrs ...string) *Broker {
	t.Helper()
	o := engine.Options{Addrs: addrs}
	client, err := engine.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := New(Options{
		Client:  client,
		Dial:    func(addr string) (net.Conn, error) { return engine.Dial(o, addr) },
		Owners:  func(ctx context.Context) (func(string) string, error) { return engine.Owners(ctx, client, o) },
		Reclaim: func(ctx context.Context, s hearth.Space) error { return e.Drop(ctx, s) },
	})
	t.Cleanup(func() {
		_ = b.Close()
		_ = e.Close()
		client.Close()
	})
	return b
}

func single(t *testing.T) *fleet.Server {
	t.Helper()
	s, err := fleet.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

func cluster(t *testing.T, replicas int) *fleet.Cluster {
	t.Helper()
	c, err := fleet.StartCluster(t.TempDir(), 3, replicas, "--cluster-node-timeout", "1000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

func TestSuite(t *testing.T) {
	suite := func(t *testing.T, empty func(), addrs ...string) {
		topicstest.Run(t, func(t *testing.T) topicstest.Gateways {
			empty()
			return topicstest.Gateways{gateway(t, addrs...), gateway(t, addrs[len(addrs)-1])}
		})
	}
	t.Run("single", func(t *testing.T) {
		s := single(t)
		suite(t, func() {
			if _, err := s.Command("FLUSHALL"); err != nil {
				t.Fatal(err)
			}
		}, s.Addr)
	})
	t.Run("cluster", func(t *testing.T) {
		c := cluster(t, 0)
		suite(t, func() {
			for _, s := range c.Servers {
				if _, err := s.Command("FLUSHALL"); err != nil {
					t.Fatal(err)
				}
			}
		}, c.Addrs()...)
	})
}
