package valkey

import (
	"context"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// doDetached applies a command here to an item that it fetches, and writes it back where nobody else has changed it
// meanwhile; else it begins again.
func (e *Engine) doDetached(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	key := appendKey(nil, s, o.Key())
	started := time.Now()
	for attempt := 0; ; attempt++ {
		done, err := e.tryDetached(ctx, key, o, r)
		if done || err != nil {
			if e.near != nil {
				e.near.written(text(key))
			}
			return err
		}
		r.Reset()
		if !e.pause(ctx, started, attempt) {
			return &hearth.Error{Kind: hearth.Unavailable, Msg: "others keep changing this item"}
		}
	}
}

func (e *Engine) tryDetached(ctx context.Context, key []byte, o op.Op, r *op.Reply) (done bool, err error) {
	var b respwire.Batch
	op.SendFetch(&b, key)
	got, err := e.say(ctx, &b, key, true)
	if err != nil {
		return false, err
	}
	if got[0].IsError() && op.ServerError(got[0]) != value.ErrWrongType {
		return true, op.ServerError(got[0])
	}
	now := time.Now().UnixMilli()
	var entry value.Entry
	load(&entry, got[0], got[1].Int, now)
	before := entry.Expiry()
	if err := happen(&entry, o, now, r); err != nil {
		return true, err
	}
	overtakes := overtakes(o)
	if entry.Change() == value.Unchanged {
		if overtakes && o.Spec().Access&op.Reads == 0 {
			b.Reset()
			sayLeaseEnd(&b, key)
			_, err = e.say(ctx, &b, key, true)
		}
		return true, err
	}
	ttl := int64(-1)
	switch at := entry.Expiry(); {
	case at == 0 && before != 0:
		ttl = 0
	case at != before:
		ttl = max(at-now, 1)
	}
	b.Reset()
	op.SendSwap(&b, key, got[0], &entry, ttl)
	if overtakes {
		sayLeaseEnd(&b, key)
	}
	swapped, err := e.say(ctx, &b, key, false)
	if err != nil || swapped[0].IsError() {
		return true, failure(ctx, swapped, err)
	}
	return swapped[0].Int == 1, nil
}

// happen is the command itself, whose panic is an error.
func happen(entry *value.Entry, o op.Op, now int64, r *op.Reply) (err error) {
	defer engine.Catch(o, &err)
	return o.Apply(entry, now, r)
}

// load shows an entry what was fetched. What is no string is some collection: no Detached command looks into one.
func load(entry *value.Entry, got respwire.Value, ttl, now int64) {
	var at int64
	if ttl > 0 {
		at = now + ttl
	}
	switch {
	case got.Null:
		entry.Load(value.None, 0, nil, nil, nil, value.Attrs{})
	case got.IsError():
		l := value.New(value.List).(*value.Sequence)
		l.PushBack(nil)
		entry.Load(value.List, at, nil, nil, l, value.Attrs{})
	default:
		v, attrs := op.CutTrailer(got.Str)
		entry.Load(value.Scalar, at, v, nil, nil, attrs)
	}
}

// say says what stands in a batch, in one transaction where it is several commands.
func (e *Engine) say(ctx context.Context, b *respwire.Batch, key []byte, repeatable bool) ([]respwire.Value, error) {
	u := &unit{batch: b, end: b.Len(), slot: text(key), repeatable: repeatable}
	e.run(ctx, []*unit{u})
	if u.err != nil {
		return nil, unreachable(ctx, u.err)
	}
	return u.values, nil
}

// failure is the error of a write back: of the connection, or what the server said.
func failure(ctx context.Context, got []respwire.Value, err error) error {
	if err != nil {
		return err
	}
	return op.ServerError(got[0])
}
