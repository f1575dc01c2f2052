package local

import (
	"unsafe"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// Warm implements engine.Warmer. A command on one of many items waits for memory twice, for the line of the index and for
// the record. Here the processor is asked for all lines, then for all records, before it is needed for the first: it
// fetches them at the same time.
func (e *Engine) Warm(id hearth.Space, keys [][]byte) {
	var hashes [engine.WarmMax]uint64
	keys = keys[:min(len(keys), len(hashes))]
	sp := e.space(id)
	for i, k := range keys {
		hashes[i] = e.hash(k)
		s := sp.lock(hashes[i])
		s.warmLine(hashes[i])
		s.mu.Unlock()
	}
	for _, h := range hashes[:len(keys)] {
		s := sp.lock(h)
		s.warmRecord(h)
		s.mu.Unlock()
	}
}

// warmLine asks for the line that a hash points to.
func (x *index) warmLine(h uint64) {
	if x.items == 0 {
		return
	}
	y := h << x.skip
	p := x.at(y)
	prefetch(unsafe.Pointer(x.line(p, p.home(y))))
}

// warmRecord asks for the beginning of the first record there that may be the hash's.
func (x *index) warmRecord(h uint64) {
	if x.items == 0 {
		return
	}
	y := h << x.skip
	p := x.at(y)
	for _, v := range x.line(p, p.home(y)) {
		if v != 0 && (v^y)>>posBits == 0 {
			at := x.a.at(pos(v))
			prefetch(at)
			prefetch(unsafe.Add(at, lineBytes))
			return
		}
	}
}
