package door

import "time"

// Writer gathers what one turn of a session sends. Append to B; use Ref for what should be sent without a copy.
// It belongs to the call that it was given to.
type Writer struct {
	B    []byte
	refs []ref
	size int // bytes of all refs
	conn *Conn

	requests int // that the session has counted in this turn
	began    time.Time
}

// ref is memory to be sent between the bytes of B before and after at.
type ref struct {
	at    int
	p     []byte
	owner Releaser
}

// Ref sends p after what has been appended so far, without copying it. owner, unless nil, is released when that is done,
// or when the connection has ended.
func (w *Writer) Ref(p []byte, owner Releaser) {
	w.refs = append(w.refs, ref{len(w.B), p, owner})
	w.size += len(p)
}

// Queued returns how many bytes wait to be sent: those of this turn and those that the peer has not taken yet.
// A session that sends of its own accord stops while this is more than it can afford.
func (w *Writer) Queued() int {
	if w.conn == nil {
		return len(w.B) + w.size
	}
	return len(w.B) + w.size + w.conn.queued
}

// Full is Conn.Full with what this turn has appended.
func (w *Writer) Full() bool {
	if w.conn == nil {
		return w.Queued() > QueueBytesMax
	}
	return w.Queued() > w.conn.server.queueRoom()
}

// Enough counts a request that the session has run, and reports whether the connection's turn has lasted so long that
// what is left should wait until others have had theirs. The clock is asked at every few requests only.
func (w *Writer) Enough() bool {
	w.requests++
	switch {
	case w.requests%requestsPerLook != 0:
		return false
	case w.requests == requestsPerLook:
		w.began = time.Now()
		return false
	}
	return time.Since(w.began) > turnMicros*time.Microsecond
}

// segments calls f with everything in order.
func (w *Writer) segments(f func(p []byte, owner Releaser)) {
	at := 0
	for _, r := range w.refs {
		if r.at > at {
			f(w.B[at:r.at], nil)
			at = r.at
		}
		f(r.p, r.owner)
	}
	if at < len(w.B) {
		f(w.B[at:], nil)
	}
}

// reset makes w ready for the next turn; it keeps no memory that an unusual turn needed.
func (w *Writer) reset() {
	if cap(w.B) > writerBytesKept {
		w.B = nil
	}
	w.B = w.B[:0]
	clear(w.refs)
	w.refs, w.size, w.conn, w.requests = w.refs[:0], 0, nil, 0
}
