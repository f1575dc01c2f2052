package valkey

import (
	"context"
	"testing"

	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/op"
)

// single returns an engine over a server of its own.
func single(t testing.TB, o Options) (*Engine, *fleet.Server) {
	t.Helper()
	s, err := fleet.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	o.Addrs = []string{s.Addr}
	return open(t, o), s
}

// cluster returns an engine over a cluster of its own.
func cluster(t testing.TB, replicas int, o Options, args ...string) (*Engine, *fleet.Cluster) {
	t.Helper()
	c, err := fleet.StartCluster(t.TempDir(), 3, replicas, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	o.Addrs = c.Addrs()
	return open(t, o), c
}

func open(t testing.TB, o Options) *Engine {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// do runs a command that must not fail.
func do(t testing.TB, e *Engine, o op.Op) *op.Reply {
	t.Helper()
	r := &op.Reply{}
	if err := e.Do(context.Background(), 7, o, r); err != nil {
		t.Fatalf("%T %q: %v", o, o.Key(), err)
	}
	return r
}

func TestSingle(t *testing.T) {
	e, _ := single(t, Options{})
	do(t, e, &op.Set{K: []byte("k"), Value: []byte("v")})
	if r := do(t, e, &op.Get{K: []byte("k")}); r.Status != op.Hit || string(r.Value()) != "v" {
		t.Errorf("%+v %q", r, r.Value())
	}
}
