package local

import (
	"unsafe"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// Warm implements engine.Warmer. A command on one of many items waits for memory twice, for the line of the index and for
// the record. Here the processor is asked for all lines, then for all records, before it is needed for the first: it
// fetches them at the same time.
func (e *Engine) Warm(id hearth.Space, keys [][]byte, step engine.WarmStep) {
	sp := e.space(id)
	for _, k := range keys[:min(len(keys), engine.WarmMax)] {
		h := e.hash(k)
		s := sp.lock(h)
		if step == engine.WarmPaths {
			s.warmLine(h)
		} else {
			s.warmRecord(h)
		}
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

// warmLines is how much of a record is asked for: a key of 20 bytes and a value of 100 take up to three lines of memory.
const warmLines = 3

// warmRecord asks for the beginning of the first record there that may be the hash's.
func (x *index) warmRecord(h uint64) {
	if x.items == 0 {
		return
	}
	y := h << x.skip
	p := x.at(y)
	for _, v := range x.line(p, p.home(y)) {
		if v != 0 && (v^y)>>posBits == 0 {
			for i := range warmLines {
				prefetch(unsafe.Add(x.a.at(pos(v)), i*lineBytes))
			}
			return
		}
	}
}
