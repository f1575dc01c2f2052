package gateway

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/hearthcache/hearth/op"
)

// misses counts a cache's misses by their cause, and remembers for some keys what the last one was: a slot for keys of the
// same hash, without a lock.
type misses struct {
	byCause [op.Causes]atomic.Uint64
	last    atomic.Pointer[[lastMisses]atomic.Uint64] // made by the first miss
}

// The bits of a slot: 0-3 the cause, 4-43 the time in milliseconds since missEpoch, 44-63 of the key's hash.
const (
	lastMisses    = 1024
	missTimeShift = 4
	missTimeMask  = 1<<40 - 1
	missKeyShift  = 44
	missEpoch     = 1_735_689_600_000 // 2025
)

// add counts the miss of a key.
func (m *misses) add(seed maphash.Seed, key []byte, cause op.Cause, now int64) {
	m.byCause[cause].Add(1)
	last := m.last.Load()
	if last == nil {
		m.last.CompareAndSwap(nil, &[lastMisses]atomic.Uint64{})
		last = m.last.Load()
	}
	h := maphash.Bytes(seed, key)
	last[h%lastMisses].Store(h>>missKeyShift<<missKeyShift | uint64(now-missEpoch)&missTimeMask<<missTimeShift | uint64(cause))
}

// of returns the last miss of a key that is remembered, and when it was, in milliseconds.
func (m *misses) of(seed maphash.Seed, key []byte) (cause op.Cause, at int64, ok bool) {
	last := m.last.Load()
	if last == nil {
		return 0, 0, false
	}
	h := maphash.Bytes(seed, key)
	v := last[h%lastMisses].Load()
	if v == 0 || v>>missKeyShift != h>>missKeyShift {
		return 0, 0, false
	}
	return op.Cause(v & (1<<missTimeShift - 1)), missEpoch + int64(v>>missTimeShift&missTimeMask), true
}

const _ = uint(1<<missTimeShift - op.Causes) // a slot has room for every cause
