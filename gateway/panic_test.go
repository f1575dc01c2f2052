package gateway

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// hasty is a command that panics.
type hasty struct{ op.Delete }

func (*hasty) Apply(*value.Entry, int64, *op.Reply) error { panic("hasty") }

func TestACommandThatPanicsIsAnInternalError(t *testing.T) {
	g := newGateway(t, true)
	var said bytes.Buffer
	g.log = slog.New(slog.NewTextHandler(&said, nil))
	ctx := context.Background()
	c, err := g.SignIn(Credential{}, "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Change(ctx, c, control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	o := &hasty{op.Delete{K: []byte("k")}}
	check := func(how string, err error) {
		t.Helper()
		if hearth.KindOf(err) != hearth.Internal || err == nil {
			t.Errorf("%s: %v", how, err)
		}
		if n := strings.Count(said.String(), "a command panicked"); n != 1 || !strings.Contains(said.String(), "panic_test.go") {
			t.Errorf("%s: it was logged %d times:\n%s", how, n, &said)
		}
		said.Reset()
		if err := g.Do(ctx, c, &op.Set{K: []byte("k"), Value: []byte("v"), Expiry: op.Expiry{TTL: 60_000}}, &op.Reply{}); err != nil {
			t.Fatalf("%s: the key is of no use any more: %v", how, err)
		}
	}
	done, err := g.Try(c, o, &op.Reply{})
	if !done {
		t.Error("Try waits")
	}
	check("Try", err)
	check("Do", g.Do(ctx, c, o, &op.Reply{}))
	rs := make([]op.Reply, 2)
	g.DoAll(ctx, c, []op.Op{o, &op.Get{K: []byte("k")}}, rs)
	if rs[1].Err != nil || string(rs[1].Value()) != "v" {
		t.Errorf("the other command of the batch: %q, %v", rs[1].Value(), rs[1].Err)
	}
	check("DoAll", rs[0].Err)
	rs = make([]op.Reply, 1)
	if done, err := g.DoTogether(ctx, c, nil, []op.Op{o}, rs); !done || err != nil {
		t.Errorf("DoTogether: %v, %v", done, err)
	}
	check("DoTogether", rs[0].Err)
}
