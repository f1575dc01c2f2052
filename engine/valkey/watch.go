package valkey

import (
	"context"
	"slices"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// watch is a connection of its own from WATCH to EXEC.
type watch struct {
	client valkey.DedicatedClient
	cancel func()
	slot   string
	used   bool
}

// Close implements engine.Watch.
func (w *watch) Close() {
	if w.cancel == nil {
		return
	}
	if !w.used {
		w.client.Do(context.Background(), w.client.B().Arbitrary("UNWATCH").Build())
	}
	w.cancel()
	w.cancel = nil
}

// Watch implements engine.Transactor. The keys share a slot.
func (e *Engine) Watch(ctx context.Context, s hearth.Space, keys [][]byte) (engine.Watch, error) {
	c, err := e.conn()
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if _, err := e.without(ctx, s, slices.Clone(keys)); err != nil {
		return nil, err
	}
	own := e.prefixed(s, keys)
	if c.cluster && !sameSlot(own) {
		return nil, errCrossSlot
	}
	args := []string{"WATCH"}
	for _, k := range own {
		args = append(args, text(k))
	}
	w := &watch{slot: text(own[0])}
	w.client, w.cancel = c.Dedicate()
	if err := w.client.Do(ctx, w.client.B().Arbitrary(args...).Build().SetSlot(w.slot)).Error(); err != nil {
		w.cancel()
		return nil, unreachable(ctx, err)
	}
	return w, nil
}

// DoTogether implements engine.Transactor: MULTI, all commands, EXEC, where all keys share a slot.
func (e *Engine) DoTogether(ctx context.Context, s hearth.Space, ew engine.Watch, os []op.Op, rs []op.Reply) (bool, error) {
	c, err := e.conn()
	if err != nil {
		return false, unreachable(ctx, err)
	}
	w, _ := ew.(*watch)
	if w != nil {
		defer w.Close()
	}
	if w == nil && len(os) == 0 {
		return true, nil
	}
	if os, err = e.beforeTogether(ctx, s, os); err != nil {
		return false, err
	}
	t := e.call()
	defer e.release(t)
	slot, err := e.together(t, c, s, w, os)
	if err != nil {
		return false, err
	}
	all := &unit{batch: &t.batch, end: t.batch.Len(), slot: slot}
	if err := e.ensureLibrary(ctx, c, all); err != nil {
		return false, unreachable(ctx, err)
	}
	if w == nil {
		e.run(ctx, []*unit{all})
	} else {
		w.used = true
		all.takeExec(w.client.DoMulti(ctx, c.transaction(all)...))
	}
	switch {
	case all.err != nil:
		return false, unreachable(ctx, all.err)
	case all.aborted:
		return false, nil
	}
	if e.near != nil {
		e.forgetWritten(s, os...)
	}
	size := 0
	for i, u := range t.units {
		r := &rs[i]
		u.values = all.values[u.first:u.end]
		r.Err = u.recv(ctx, os[i], r)
		// A read may ask for one large value again and again; what was written has to be told.
		if r.Err == nil && !os[i].Spec().Writes() {
			size, r.Err = r.Together(size)
		}
	}
	return true, nil
}

// beforeTogether takes out what was invalidated of what commands are about, and returns them with the stamp of now.
func (e *Engine) beforeTogether(ctx context.Context, s hearth.Space, os []op.Op) ([]op.Op, error) {
	var keys [][]byte
	stamped := slices.Clone(os)
	for i, o := range os {
		var err error
		if stamped[i], err = e.stamped(ctx, s, o); err != nil {
			return nil, err
		}
		if m, ok := o.(op.Multi); ok {
			keys = append(keys, m.Keys()...)
		} else {
			keys = append(keys, o.Key())
		}
	}
	_, err := e.without(ctx, s, keys)
	return stamped, err
}

// together says all commands into t's batch and returns a key of the one slot that they live in.
func (e *Engine) together(t *call, c *connected, s hearth.Space, w *watch, os []op.Op) (slot string, err error) {
	if w != nil {
		slot = w.slot
	}
	for _, o := range os {
		if !t.add(e, s, o) {
			return "", errCrossSlot
		}
		u := &t.units[len(t.units)-1]
		if slot == "" {
			slot = u.slot
		}
		if c.cluster && slotOf([]byte(slot)) != slotOf([]byte(u.slot)) {
			return "", errCrossSlot
		}
	}
	return slot, nil
}

// ensureLibrary makes sure of the functions before a transaction calls one: inside it is too late to find out.
func (e *Engine) ensureLibrary(ctx context.Context, c *connected, u *unit) error {
	if !anyCall(u.batch) {
		return nil
	}
	list := c.B().Arbitrary("FUNCTION", "LIST", "LIBRARYNAME", "hearth"+e.library.suffix).Build().SetSlot(u.slot)
	found, err := c.Do(ctx, list).ToArray()
	if err != nil || len(found) > 0 {
		return err
	}
	return e.library.load(ctx, c, u.slot)
}
