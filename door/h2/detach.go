package h2

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/hearthcache/hearth/door"
)

// detached is a call that a goroutine answers. The goroutine fills it; the loop, woken, takes what there is.
type detached struct {
	st     *stream
	ctx    context.Context
	cancel context.CancelFunc
	lent   Memory // of the message; nil where it is on the heap

	mu       sync.Mutex // guards the rest
	buf      []byte     // the message under way, with its prefix
	parts    []part
	gone     bool
	finished bool
	status   Status
}

// part is some of an answer that the loop has not taken over.
type part struct {
	p     []byte
	owner door.Releaser
}

// begin returns the buffer for a message.
func (d *detached) begin() []byte { return append(d.buf[:0], emptyHead[:prefixBytes]...) }

// end queues a message. The loop may still hold the memory, so each message has its own.
func (d *detached) end(b, value []byte, owner door.Releaser) {
	binary.BigEndian.PutUint32(b[1:], uint32(len(b)-prefixBytes+len(value)))
	d.mu.Lock()
	if d.gone {
		d.mu.Unlock()
		giveUp(owner)
		return
	}
	d.parts = append(d.parts, part{b, nil})
	d.buf = nil
	if len(value) > 0 {
		d.parts = append(d.parts, part{value, owner})
		owner = nil
	}
	d.mu.Unlock()
	giveUp(owner)
	d.st.Wake()
}

// finish ends the call.
func (d *detached) finish(s Status) {
	giveBack(d.lent)
	d.lent = nil
	d.mu.Lock()
	d.finished, d.status = true, s
	d.mu.Unlock()
	d.st.Wake()
}

// deliver takes over what the goroutine has left; it runs on the loop.
func (d *detached) deliver(st *stream) {
	d.mu.Lock()
	parts, finished, status := d.parts, d.finished, d.status
	d.parts = nil
	d.mu.Unlock()
	if len(parts) > 0 {
		st.sendHead()
		for _, k := range parts {
			st.enqueue(k.p, k.owner)
		}
		st.list()
	}
	if !finished || st.finished {
		return
	}
	d.cancel()
	st.finished, st.status = true, status
	if st.queued == 0 {
		st.sendEnd()
	}
}

// abandon is called when the stream has ended.
func (d *detached) abandon() {
	d.cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = true
	for _, k := range d.parts {
		giveUp(k.owner)
	}
	d.parts = nil
}
