package momento_test

import (
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// hasty is an engine on which deletes panic.
type hasty struct{ *local.Engine }

type panics struct{ op.Op }

func (panics) Apply(*value.Entry, int64, *op.Reply) error { panic("hasty") }

func (h hasty) Try(s hearth.Space, o op.Op, r *op.Reply) (bool, error) {
	if _, ok := o.(*op.Delete); ok {
		o = panics{o}
	}
	return h.Engine.Try(s, o, r)
}

// A command that panics is status 13 to its caller, and the handler goes on.
func TestACommandThatPanicsIsAnInternalError(t *testing.T) {
	h := newHandlerOn(t, hasty{local.New(local.Options{})})
	mustOK(t, direct(h, "/cache_client.Scs/Set", cacheName, []byte("\x0a\x01k\x12\x01v\x18\xe0\xd4\x03")))
	a := direct(h, "/cache_client.Scs/Delete", cacheName, []byte("\x0a\x01k"))
	if a.status.Code != 13 || a.status.Message != "internal error" {
		t.Errorf("status %+v", a.status)
	}
	got := mustOK(t, direct(h, "/cache_client.Scs/Get", cacheName, []byte("\x0a\x01k")))
	if len(got.messages) != 1 || len(got.messages[0]) == 0 {
		t.Errorf("the item is gone: %+v", got)
	}
}
