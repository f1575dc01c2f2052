package valkey

import (
	"context"
	_ "embed" // the functions' text
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

//go:embed tags.lua
var tagFunctions string

// The invalidations of a space's tags stand in a table of its own, which the tags of an item are held against: by every
// read of a value that turns out to have some, and ahead of every other command on a space that has a table. That there is
// none is believed for tagless: the first invalidations of a table wait until nobody believes it any more.
const (
	tableKey    = "h::tags:"
	tagless     = 250 * time.Millisecond
	taglessMore = 50 * time.Millisecond // for clocks that differ in their pace
)

func appendTableKey(dst []byte, s hearth.Space) []byte {
	return strconv.AppendUint(append(dst, tableKey...), uint64(s), 36)
}

// tables knows which spaces have a table.
type tables struct{ m sync.Map } // of hearth.Space to *table

type table struct {
	exists atomic.Bool
	asked  atomic.Int64 // when there was none, in milliseconds
}

func (t *tables) of(s hearth.Space) *table {
	if found, ok := t.m.Load(s); ok {
		return found.(*table)
	}
	found, _ := t.m.LoadOrStore(s, &table{})
	return found.(*table)
}

// tagged reports whether a space has a table.
func (e *Engine) tagged(ctx context.Context, s hearth.Space) (bool, error) {
	t := e.tables.of(s)
	if t.exists.Load() {
		return true, nil
	}
	now := time.Now().UnixMilli()
	if now-t.asked.Load() < tagless.Milliseconds() {
		return false, nil
	}
	stamp, err := e.Stamp(ctx, s, false)
	if err == nil && stamp == 0 {
		t.asked.Store(now)
	}
	return stamp != 0, err
}

// mayMeetTags reports whether something has to be found out about tags ahead of a command: not of a Get, whose answer says
// whether it has met any.
func (e *Engine) mayMeetTags(s hearth.Space, o op.Op) bool {
	switch o := bare(o).(type) {
	case *op.Get:
		return false
	case *op.Set:
		if len(o.Tags) > 0 {
			return true
		}
	}
	t := e.tables.of(s)
	return t.exists.Load() || time.Now().UnixMilli()-t.asked.Load() >= tagless.Milliseconds()
}

// Stamp implements engine.Tagger.
func (e *Engine) Stamp(ctx context.Context, s hearth.Space, begin bool) (uint64, error) {
	make := "0"
	if begin {
		make = "1"
	}
	v, err := e.table(ctx, s, "hearth_stamp", true, []byte(make))
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(v.Str), 10, 64)
	if n != 0 {
		e.tables.of(s).exists.Store(true)
	}
	return n, err
}

// Invalidate implements engine.Tagger.
func (e *Engine) Invalidate(ctx context.Context, s hearth.Space, tag []byte) error {
	v, err := e.table(ctx, s, "hearth_invalidate", true, tag, []byte(strconv.Itoa(hearth.TagsInvalidatedMax)))
	if err != nil {
		return err
	}
	e.tables.of(s).exists.Store(true)
	micros, err := strconv.ParseInt(string(v.Str), 10, 64)
	if left := tagless + taglessMore - time.Duration(micros)*time.Microsecond; err == nil && left > 0 {
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return unreachable(ctx, ctx.Err())
		}
	}
	return err
}

// table calls a function on the table of a space.
func (e *Engine) table(ctx context.Context, s hearth.Space, name string, repeatable bool, args ...[]byte) (respwire.Value, error) {
	var b respwire.Batch
	key := appendTableKey(nil, s)
	b.Function(name, key, args...)
	got, err := e.say(ctx, &b, key, repeatable)
	if err == nil && got[0].IsError() {
		err = op.ServerError(got[0])
	}
	if err != nil {
		return respwire.Value{}, err
	}
	return got[0], nil
}

// stamped returns the command with the stamp of now, where it is to be stored with tags and has none.
func (e *Engine) stamped(ctx context.Context, s hearth.Space, o op.Op) (op.Op, error) {
	set, ok := bare(o).(*op.Set)
	if !ok || len(set.Tags) == 0 || set.Stamp != 0 {
		return o, nil
	}
	with := *set
	var err error
	with.Stamp, err = e.Stamp(ctx, s, true)
	if bare(o) != o {
		return overtaking{&with}, err
	}
	return &with, err
}

// settle takes out those of the keys whose items were invalidated. It reports of each key whether it was, and whether its
// item has tags that hold.
func (e *Engine) settle(ctx context.Context, s hearth.Space, keys [][]byte) (stale, holds []bool, err error) {
	tags, err := e.tagsOf(ctx, s, keys)
	if err != nil {
		return nil, nil, err
	}
	if stale, err = e.stale(ctx, s, tags); err != nil {
		return nil, nil, err
	}
	holds = make([]bool, len(keys))
	for i := range keys {
		holds[i] = len(tags[i]) > 0 && !stale[i]
		if stale[i] {
			if err := e.untag(ctx, s, keys[i], tags[i]); err != nil {
				return nil, nil, err
			}
		}
	}
	return stale, holds, nil
}

// tagsOf asks for the tags of items.
func (e *Engine) tagsOf(ctx context.Context, s hearth.Space, keys [][]byte) ([]value.Tags, error) {
	var b respwire.Batch
	units := make([]*unit, len(keys))
	for i, k := range e.prefixed(s, keys) {
		b.Function("hearth_tags_of", k)
		units[i] = &unit{batch: &b, first: i, end: i + 1, slot: text(k), repeatable: true}
	}
	e.run(ctx, units)
	tags := make([]value.Tags, len(keys))
	for i, u := range units {
		switch {
		case u.err != nil:
			return nil, unreachable(ctx, u.err)
		case u.values[0].IsError():
			return nil, op.ServerError(u.values[0])
		}
		tags[i] = u.values[0].Str
	}
	return tags, nil
}

// stale asks which of items with these tags were invalidated; one without tags was not.
func (e *Engine) stale(ctx context.Context, s hearth.Space, tags []value.Tags) ([]bool, error) {
	out := make([]bool, len(tags))
	var args [][]byte
	for _, t := range tags {
		if len(t) > 0 {
			args = append(args, t)
		}
	}
	if len(args) == 0 {
		return out, nil
	}
	v, err := e.table(ctx, s, "hearth_stale", true, args...)
	if err != nil {
		return nil, err
	}
	answers := v.Array
	for i, t := range tags {
		if len(t) > 0 {
			out[i], answers = answers[0].Int == 1, answers[1:]
		}
	}
	return out, nil
}

// untag takes an item out that still has these tags.
func (e *Engine) untag(ctx context.Context, s hearth.Space, key []byte, tags value.Tags) error {
	var b respwire.Batch
	own := appendKey(nil, s, key)
	b.Function("hearth_untag", own, tags)
	got, err := e.say(ctx, &b, own, true)
	if err == nil && got[0].IsError() {
		err = op.ServerError(got[0])
	}
	if e.near != nil {
		e.near.forget(text(own))
	}
	return err
}

// holdTags makes the reply to a read a miss where what was read was invalidated.
func (e *Engine) holdTags(ctx context.Context, s hearth.Space, key []byte, r *op.Reply) error {
	e.tables.of(s).exists.Store(true)
	stale, err := e.stale(ctx, s, []value.Tags{r.Attrs.Tags})
	if err != nil || !stale[0] {
		return err
	}
	tags := r.Attrs.Tags
	r.Reset()
	r.Status, r.Cause = op.Miss, op.Invalidated
	return e.untag(ctx, s, key, tags)
}

// doTagged runs a command on a space that has a table.
func (e *Engine) doTagged(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	o, err := e.stamped(ctx, s, o)
	if err != nil {
		return err
	}
	if _, over := bare(o).(*op.Set); over {
		return e.doPlain(ctx, s, o, r)
	}
	m, several := o.(op.Multi)
	if several {
		if _, _, err := e.settle(ctx, s, m.Keys()); err != nil {
			return err
		}
		return e.doPlain(ctx, s, o, r)
	}
	stale, holds, err := e.settle(ctx, s, [][]byte{o.Key()})
	if err != nil {
		return err
	}
	if holds[0] && looksInto(o) {
		return e.doDetached(ctx, s, o, r)
	}
	err = e.doPlain(ctx, s, o, r)
	if stale[0] && err == nil && r.Status == op.Miss {
		r.Cause = op.Invalidated
	}
	return err
}

// looksInto reports whether a server that runs a command would take an item's trailer for a part of its value.
func looksInto(o op.Op) bool {
	switch bare(o).(type) {
	case *op.SetIf, *op.SetIfHash:
		return true
	}
	return o.Spec().Kind == value.Scalar
}

// doAllTagged is DoAll on a space that has a table.
func (e *Engine) doAllTagged(ctx context.Context, s hearth.Space, os []op.Op, rs []op.Reply) {
	var keys [][]byte
	ends := make([]int, len(os))
	for i, o := range os {
		if set, ok := bare(o).(*op.Set); ok && len(set.Tags) > 0 {
			engine.Each(ctx, e, s, os, rs) // what follows may be about its item
			return
		}
		if m, ok := o.(op.Multi); ok {
			keys = append(keys, m.Keys()...)
		} else {
			keys = append(keys, o.Key())
		}
		ends[i] = len(keys)
	}
	stale, holds, err := e.settle(ctx, s, keys)
	if err != nil {
		for i := range rs {
			rs[i].Err = err
		}
		return
	}
	start := 0
	for i, o := range os {
		if _, several := o.(op.Multi); !several && holds[ends[i]-1] && looksInto(o) {
			e.doAllPlain(ctx, s, os[start:i], rs[start:i])
			rs[i].Err = e.doDetached(ctx, s, o, &rs[i])
			start = i + 1
		}
	}
	e.doAllPlain(ctx, s, os[start:], rs[start:])
	for i := range rs {
		if stale[ends[i]-1] && rs[i].Err == nil && rs[i].Status == op.Miss {
			rs[i].Cause = op.Invalidated
		}
	}
}

// without returns the keys whose items were not invalidated.
func (e *Engine) without(ctx context.Context, s hearth.Space, keys [][]byte) ([][]byte, error) {
	if tagged, err := e.tagged(ctx, s); err != nil || !tagged || len(keys) == 0 {
		return keys, err
	}
	stale, _, err := e.settle(ctx, s, keys)
	left := keys[:0]
	for i, k := range keys {
		if err == nil && !stale[i] {
			left = append(left, k)
		}
	}
	return left, err
}

var _ engine.Tagger = (*Engine)(nil)
