package resp

import (
	"strings"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// hasty is an engine on which INCR panics.
type hasty struct{ *local.Engine }

type panics struct{ op.Op }

func (panics) Apply(*value.Entry, int64, *op.Reply) error { panic("hasty") }

func (h hasty) Try(s hearth.Space, o op.Op, r *op.Reply) (bool, error) {
	if o.Spec().Name == (&op.Increment{}).Spec().Name {
		o = panics{o}
	}
	return h.Engine.Try(s, o, r)
}

// A command that panics is answered by an error; the connection and the key go on.
func TestACommandThatPanicsIsAnError(t *testing.T) {
	plane, err := control.NewPlane(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	e := hasty{local.New(local.Options{})}
	t.Cleanup(func() { _ = e.Close() })
	addr := listen(t, New(Options{Gateway: gateway.New(gateway.Options{Engine: e, Plane: plane, Open: true}), Cache: "default"}))
	got := talk(t, addr, "SET k 1\r\nINCR k\r\nGET k\r\n")
	if want := "+OK\r\n-ERR internal error\r\n$1\r\n1\r\n"; !strings.HasPrefix(got, want) {
		t.Errorf("the answers are %q, want %q", got, want)
	}
}
