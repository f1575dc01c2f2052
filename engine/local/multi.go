package local

import (
	"context"
	"runtime"
	"slices"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// locked is a set of shards that are locked together, in the order of their numbers.
type locked []*shard

// lockAll locks the shards of all hashes.
func (sp *space) lockAll(hashes []uint64) locked {
	for {
		l := sp.layout.Load()
		all := make(locked, 0, min(len(hashes), len(l.shards)))
		for _, h := range hashes {
			if s := l.shards[h>>l.shift]; !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		slices.SortFunc(all, func(a, b *shard) int { return int(int64(a.number) - int64(b.number)) })
		moved := false
		for _, s := range all {
			s.lock()
			moved = moved || s.moved
		}
		if !moved {
			return all
		}
		for _, s := range all {
			s.mu.Unlock()
		}
	}
}

// of returns the shard of a hash.
func (l locked) of(h uint64) *shard {
	for _, s := range l {
		if h>>(64-s.skip) == s.part {
			return s
		}
	}
	panic("local: a shard is not locked")
}

// finish is that of a shard, for all.
func (l locked) finish() {
	steps, told := 0, false
	for _, s := range l {
		n, t := s.settle()
		steps, told = steps+n, told || t
	}
	for _, s := range l {
		s.mu.Unlock()
	}
	l[0].e.after(l[0].sp, steps, told)
}

func (e *Engine) hashes(dst []uint64, keys [][]byte) []uint64 {
	for _, k := range keys {
		dst = append(dst, e.hash(k))
	}
	return dst
}

// A command that looks at each of its keys by itself is done at once for as many keys as take about a millisecond, and with
// more in slices, each under one set of locks.
const (
	wholeKeysMax = 4096
	sliceKeys    = 256
)

// sliced reports whether a command is done in slices.
func sliced(o op.Multi) bool { return len(o.Keys()) > wholeKeysMax && slice(o, 0, 1) != nil }

// slice returns the command over some of its keys, nil where it is not the same done key by key.
func slice(o op.Multi, from, to int) op.Multi {
	switch o := o.(type) {
	case *op.MultiDelete:
		return &op.MultiDelete{List: o.List[from:to]}
	case *op.MultiExists:
		return &op.MultiExists{List: o.List[from:to]}
	case *op.MultiGet:
		return &op.MultiGet{List: o.List[from:to]}
	case *op.MultiSet:
		return &op.MultiSet{List: o.List[from:to], Values: o.Values[from:to], Expiry: o.Expiry}
	}
	return nil
}

// multiSliced is multi, in slices where there are many keys, so that nobody waits for a million of them: what happens to
// the keys meanwhile is seen, or not.
func (e *Engine) multiSliced(id hearth.Space, o op.Multi, r *op.Reply) error {
	n := len(o.Keys())
	switch {
	case sliced(o):
	case n > hearth.TogetherKeysMax:
		return engine.ErrTogether
	default:
		return e.multi(id, o, r)
	}
	for from := 0; from < n; from += sliceKeys {
		if err := e.multi(id, slice(o, from, min(from+sliceKeys, n)), r); err != nil {
			return err
		}
		runtime.Gosched()
	}
	return nil
}

// multi runs a command over several keys under the locks of all their shards.
func (e *Engine) multi(id hearth.Space, o op.Multi, r *op.Reply) error {
	keys := o.Keys()
	hs := e.hashes(make([]uint64, 0, len(keys)), keys)
	l := e.space(id).lockAll(hs)
	defer l.finish()
	return l.apply(keys, hs, o, e.now(), r)
}

// applySliced is apply, in slices where there are many keys: for the same end, with less memory.
func (l locked) applySliced(keys [][]byte, hs []uint64, o op.Multi, now int64, r *op.Reply) error {
	switch {
	case sliced(o):
	case len(keys) > hearth.TogetherKeysMax:
		return engine.ErrTogether
	default:
		return l.apply(keys, hs, o, now, r)
	}
	for from := 0; from < len(keys); from += sliceKeys {
		to := min(from+sliceKeys, len(keys))
		if err := l.apply(keys[from:to], hs[from:to], slice(o, from, to), now, r); err != nil {
			return err
		}
	}
	return nil
}

// apply runs a command over several keys. A key that stands there twice has one Entry.
func (l locked) apply(keys [][]byte, hs []uint64, o op.Multi, now int64, r *op.Reply) error {
	es := make([]*value.Entry, len(keys))
	seen := make(map[string]*value.Entry, len(keys))
	for i, k := range keys {
		en := seen[string(k)]
		if en == nil {
			en = &value.Entry{}
			s := l.of(hs[i])
			_, rec := s.present(hs[i], k, now)
			s.load(en, rec, now)
			if rec != nil {
				rec.used()
			}
			seen[string(k)] = en
		}
		es[i] = en
	}
	if err := l[0].sp.fits(o, es...); err != nil {
		return err
	}
	if err := happenAll(es, o, now, r); err != nil {
		if engine.Panicked(err) != nil {
			l.abandon(keys, hs)
		}
		return err
	}
	return l.keep(keys, hs, es, seen)
}

// happenAll is happen of a shard, for a command over several keys.
func happenAll(es []*value.Entry, o op.Multi, now int64, r *op.Reply) (err error) {
	defer engine.Catch(o, &err)
	return o.ApplyAll(es, now, r)
}

func (l locked) abandon(keys [][]byte, hs []uint64) {
	for i, k := range keys {
		s := l.of(hs[i])
		sl, rec := s.find(hs[i], k)
		s.abandon(hs[i], sl, rec)
	}
}

// keep writes back every entry once. What an entry holds may lie in the record of another key, as after a rename: so
// values are copied out first, and what was deleted goes last.
func (l locked) keep(keys [][]byte, hs []uint64, es []*value.Entry, seen map[string]*value.Entry) error {
	l.copyOut(es)
	if err := l.keepSome(keys, hs, seen, false); err != nil {
		return err
	}
	return l.keepSome(keys, hs, seen, true)
}

func (l locked) keepSome(keys [][]byte, hs []uint64, seen map[string]*value.Entry, deleted bool) error {
	for i, k := range keys {
		en := seen[string(k)]
		if en == nil || (en.Change() == value.Deleted) != deleted {
			continue
		}
		delete(seen, string(k))
		s := l.of(hs[i])
		sl, rec := s.find(hs[i], k)
		if err := s.keep(en, hs[i], k, sl, rec); err != nil {
			return err
		}
	}
	return nil
}

// copyOut makes the values of changed scalars independent of the logs.
func (l locked) copyOut(es []*value.Entry) {
	for _, en := range es {
		if en.Change() != value.Written || en.Block() != nil || en.Collection() != nil {
			continue
		}
		if b, err := en.Bytes(); err == nil {
			en.ReplaceBytes(append([]byte(nil), b...))
		}
	}
}

// mark is a watched key: whoever changes it moves its version on.
type mark struct {
	version uint64
	watches int
}

// watched implements engine.Watch.
type watched struct {
	e      *Engine
	id     hearth.Space
	sp     *space
	keys   [][]byte
	hashes []uint64
	marks  []*mark
	seen   []uint64
}

// marked notes that the key of h has changed, for those who watch it.
func (s *shard) marked(h uint64) {
	if s.watch == nil {
		return
	}
	if m := s.watch[h]; m != nil {
		m.version++
	}
}

// Watch implements engine.Transactor.
func (e *Engine) Watch(_ context.Context, id hearth.Space, keys [][]byte) (engine.Watch, error) {
	w := &watched{e: e, id: id, sp: e.space(id)}
	for _, k := range keys {
		w.keys = append(w.keys, append([]byte(nil), k...))
	}
	w.hashes = e.hashes(nil, w.keys)
	now := e.now()
	for i, h := range w.hashes {
		s := w.sp.lock(h)
		s.present(h, w.keys[i], now)
		if s.watch == nil {
			s.watch = map[uint64]*mark{}
		}
		m := s.watch[h]
		if m == nil {
			m = &mark{}
			s.watch[h] = m
		}
		m.watches++
		w.marks, w.seen = append(w.marks, m), append(w.seen, m.version)
		s.mu.Unlock()
	}
	return w, nil
}

// Close implements engine.Watch.
func (w *watched) Close() {
	for i, m := range w.marks {
		s := w.sp.lock(w.hashes[i])
		if m.watches--; m.watches == 0 && s.watch[w.hashes[i]] == m {
			delete(s.watch, w.hashes[i])
			if len(s.watch) == 0 {
				s.watch = nil
			}
		}
		s.mu.Unlock()
	}
	w.marks = nil
}

// DoTogether implements engine.Transactor.
func (e *Engine) DoTogether(_ context.Context, id hearth.Space, w engine.Watch, os []op.Op, rs []op.Reply) (bool, error) {
	var hs []uint64
	for _, o := range os {
		if m, ok := o.(op.Multi); ok {
			hs = e.hashes(hs, m.Keys())
		} else {
			hs = append(hs, e.hash(o.Key()))
		}
	}
	own, _ := w.(*watched)
	if own != nil {
		defer own.Close()
		hs = append(hs, own.hashes...)
	}
	if len(hs) == 0 {
		return true, nil
	}
	sp := e.space(id)
	l := sp.lockAll(hs)
	defer l.finish()
	now := e.now()
	if own != nil && !own.same(sp, l, now) {
		return false, nil
	}
	size := 0
	for i, o := range os {
		r := &rs[i]
		if m, ok := o.(op.Multi); ok {
			keys := m.Keys()
			r.Err = l.applySliced(keys, e.hashes(make([]uint64, 0, len(keys)), keys), m, now, r)
		} else {
			h := e.hash(o.Key())
			s := l.of(h)
			r.Err = s.apply(h, s.stamped(o), now, r)
		}
		// A read may ask for one large value again and again; what was written has to be told.
		if r.Err == nil && !o.Spec().Writes() {
			size, r.Err = r.Together(size)
		}
	}
	return true, nil
}

// same reports whether no watched key has changed, or expired by now.
func (w *watched) same(sp *space, l locked, now int64) bool {
	if w.marks == nil || sp != w.sp && len(w.marks) > 0 {
		return false
	}
	for i, m := range w.marks {
		l.of(w.hashes[i]).present(w.hashes[i], w.keys[i], now)
		if m.version != w.seen[i] {
			return false
		}
	}
	return true
}
