// Package local keeps items in the memory of this process: shards, expiry, eviction and byte accounting around
// op.Op's Apply. It knows no commands, no caches and no tenants.
package local

import (
	"context"
	"sync"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// Options configures an Engine. The zero Options is ready to use.
type Options struct {
	BytesMax int64        // memory for keys, values, index and metadata; 0 is a quarter of the machine's
	Now      func() int64 // the clock, in milliseconds; nil is the machine's
}

// Engine keeps items in memory.
type Engine struct {
	now func() int64

	mu    sync.Mutex // guards items; held for one command
	items map[hearth.Space]map[string]*item
}

type item struct {
	kind   value.Kind
	expiry int64
	bytes  []byte
	block  *value.Block
	coll   value.Collection
	attrs  value.Attrs
}

// New returns an empty engine.
func New(o Options) *Engine {
	e := &Engine{now: o.Now, items: map[hearth.Space]map[string]*item{}}
	if e.now == nil {
		e.now = func() int64 { return time.Now().UnixMilli() }
	}
	return e
}

// Do implements engine.Engine.
func (e *Engine) Do(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	_, err := e.Try(s, o, r)
	return err
}

// Try implements engine.Trier: nothing here waits.
func (e *Engine) Try(s hearth.Space, o op.Op, r *op.Reply) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	m, ok := o.(op.Multi)
	if !ok {
		entry := e.load(s, o.Key(), now)
		err := o.Apply(entry, now, r)
		e.keep(s, o.Key(), entry, err)
		return true, err
	}
	keys := m.Keys()
	entries := make([]*value.Entry, len(keys))
	seen := map[string]*value.Entry{}
	for i, k := range keys {
		if seen[string(k)] == nil {
			seen[string(k)] = e.load(s, k, now)
		}
		entries[i] = seen[string(k)]
	}
	err := m.ApplyAll(entries, now, r)
	for i, k := range keys {
		e.keep(s, k, entries[i], err)
	}
	return true, err
}

func (e *Engine) load(s hearth.Space, key []byte, now int64) *value.Entry {
	entry := &value.Entry{}
	if it := e.items[s][string(key)]; it != nil && (it.expiry == 0 || now < it.expiry) {
		entry.Load(it.kind, it.expiry, it.bytes, it.block, it.coll, it.attrs)
	}
	return entry
}

func (e *Engine) keep(s hearth.Space, key []byte, entry *value.Entry, err error) {
	if err != nil {
		return
	}
	switch entry.Change() {
	case value.Deleted:
		delete(e.items[s], string(key))
	case value.Touched, value.Written:
		if e.items[s] == nil {
			e.items[s] = map[string]*item{}
		}
		it := &item{kind: entry.Kind(), expiry: entry.Expiry(), block: entry.Block(), coll: entry.Collection(), attrs: entry.Attrs()}
		if it.block != nil {
			it.block.Retain()
		} else if it.kind == value.Scalar {
			b, _ := entry.Bytes()
			it.bytes = append([]byte{}, b...)
		}
		e.items[s][string(key)] = it
	}
}

// DoAll implements engine.Engine.
func (e *Engine) DoAll(ctx context.Context, s hearth.Space, os []op.Op, rs []op.Reply) {
	engine.Each(ctx, e, s, os, rs)
}

// Drop implements engine.Engine.
func (e *Engine) Drop(ctx context.Context, s hearth.Space) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.items, s)
	return nil
}

// Close implements engine.Engine.
func (e *Engine) Close() error { return nil }
