package gateway

import (
	"context"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// nothing is an engine that does nothing, so that only the gateway's own cost is left.
type nothing struct{ engine.Engine }

func (nothing) Try(hearth.Space, op.Op, *op.Reply) (bool, error) { return true, nil }
func (nothing) Drop(context.Context, hearth.Space) error         { return nil }

// overhead is a caller and what it does.
type overhead struct {
	name     string
	settings map[string]string
	rules    []auth.Rule // none is a super user
	op       op.Op
}

func overheads() []overhead {
	set := &op.Set{K: []byte("user:1234"), Value: make([]byte, 150), Expiry: op.Expiry{TTL: 60_000}}
	return []overhead{
		{"SuperUserGet", nil, nil, &op.Get{K: []byte("user:1234")}},
		{"SuperUserSet", nil, nil, set},
		{"LimitedPrefixSet", map[string]string{"request-rate": "2000000000", "throughput": "1TB"}, []auth.Rule{
			{Resource: auth.Items, Access: auth.Read, Cache: auth.Only("c"), Item: auth.Only("other")},
			{Resource: auth.Items, Access: auth.ReadWrite, Cache: auth.Only("c"), Item: auth.StartingWith("admin:")},
			{Resource: auth.Items, Access: auth.ReadWrite, Cache: auth.Only("c"), Item: auth.StartingWith("user:")},
		}, set},
	}
}

// caller returns the caller, with a key that expires so that the clock is asked too.
func (o *overhead) caller(t testing.TB) (*Gateway, *Caller) {
	t.Helper()
	ctx := context.Background()
	plane, err := control.NewPlane(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := New(Options{Engine: nothing{}, Plane: plane})
	if _, err := plane.Change(ctx, control.CreateCache{Name: "c", Settings: o.settings}); err != nil {
		t.Fatal(err)
	}
	made, err := g.issue(ctx, auth.KeyRequest{Seconds: 3600, Permissions: auth.Permissions{Super: o.rules == nil, Rules: o.rules}}, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.SignIn(Credential{Token: made.Token}, "c")
	if err != nil {
		t.Fatal(err)
	}
	return g, c
}

// BenchmarkOverhead is what authorisation, limits and metering cost together: at most 500 ns and no allocation.
func BenchmarkOverhead(b *testing.B) {
	for _, o := range overheads() {
		b.Run(o.name, func(b *testing.B) {
			g, c := o.caller(b)
			r := &op.Reply{}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.Try(c, o.op, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestOverheadAllocatesNothing(t *testing.T) {
	for _, o := range overheads() {
		g, c := o.caller(t)
		r := &op.Reply{}
		n := testing.AllocsPerRun(1000, func() {
			if _, err := g.Try(c, o.op, r); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s allocates %v times", o.name, n)
		}
	}
}
