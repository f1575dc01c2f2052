package valkey

import (
	"strconv"
	"sync"
	"testing"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// flagged adds one to a number that has flags and, with ttl, a new time to live; on what is no number it only tells.
type flagged struct {
	key    string
	flags  uint32
	ttl    int64
	remove bool
}

var flaggedSpec = op.Spec{Name: "flagged", Access: op.Writes}

func (o *flagged) Spec() *op.Spec                         { return &flaggedSpec }
func (o *flagged) Key() []byte                            { return []byte(o.key) }
func (o *flagged) Send(*respwire.Batch, []byte)           { panic("a server knows no such command") }
func (o *flagged) Recv([]respwire.Value, *op.Reply) error { panic("a server knows no such command") }
func (o *flagged) Detached()                              {}
func (o *flagged) Apply(e *value.Entry, now int64, r *op.Reply) error {
	v, err := e.Bytes()
	r.Attrs = e.Attrs()
	switch n, bad := strconv.Atoi(string(v)); {
	case o.remove:
		e.Delete()
		return nil
	case err != nil || bad != nil && e.Exists():
		return err
	default:
		e.ReplaceBytes(strconv.AppendInt(nil, int64(n+1), 10))
	}
	if o.flags != 0 {
		a := e.Attrs()
		a.Flags, a.Stale, a.Tags = o.flags, !a.Stale, value.MakeTags(1<<52, [][]byte{[]byte("tag")})
		e.SetAttrs(a)
	}
	if o.ttl != 0 {
		e.ExpireAt(now + o.ttl)
	}
	return nil
}

func TestDetached(t *testing.T) {
	both(t, Options{NearBytes: 1 << 20}, func(t *testing.T, e *Engine) {
		if _, err := e.Stamp(t.Context(), 7, true); err != nil {
			t.Fatal(err)
		}
		get := func(want string, flags uint32) {
			t.Helper()
			if r := do(t, e, &op.Get{K: []byte("n")}); string(r.Value()) != want || r.Attrs.Flags != flags {
				t.Errorf("%q with %+v, want %q with %d", r.Value(), r.Attrs, want, flags)
			}
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 25 {
					do(t, e, &flagged{key: "n", flags: 7})
				}
			}()
		}
		wg.Wait()
		get("200", 7)
		do(t, e, &flagged{key: "n", ttl: 50_000})
		if r := do(t, e, &op.ItemTTL{K: []byte("n")}); r.Int < 40_000 || r.Int > 50_000 {
			t.Errorf("%d ms", r.Int)
		}
		r := do(t, e, &flagged{key: "n"})
		if r.Attrs.Flags != 7 || r.Attrs.Tags.Stamp() != 1<<52 {
			t.Errorf("%+v", r.Attrs)
		}
		if r := do(t, e, &op.ItemTTL{K: []byte("n")}); r.Int < 40_000 {
			t.Errorf("the time to live is %d after a write that keeps it", r.Int)
		}
		do(t, e, &op.Set{K: []byte("n"), Value: []byte("5"), Flags: 9})
		get("5", 9)
		do(t, e, &op.Set{K: []byte("n"), Value: []byte("6")})
		get("6", 0)
		do(t, e, &op.ListPush{K: []byte("l"), Values: keys("a")})
		if err := e.Do(t.Context(), 7, &flagged{key: "l"}, &op.Reply{}); err != value.ErrWrongType {
			t.Error(err)
		}
		do(t, e, &flagged{key: "l", remove: true})
		if r := do(t, e, &op.Exists{K: []byte("l")}); r.Int != 0 {
			t.Error("the list is still there")
		}
		rs := make([]op.Reply, 3)
		e.DoAll(t.Context(), 7, []op.Op{&op.Set{K: []byte("n"), Value: []byte("1")}, &flagged{key: "n"}, &op.Get{K: []byte("n")}}, rs)
		if string(rs[2].Value()) != "2" {
			t.Errorf("%q after a batch", rs[2].Value())
		}
	})
}
