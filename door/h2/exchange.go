package h2

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/hearthcache/hearth/door"
)

// exchange is a request that an http.Handler answers, on a goroutine of its own. What the handler and the loop share is
// guarded by mu; the loop never waits for the handler, the handler waits for the loop.
type exchange struct {
	st      *stream
	conn    *conn
	request *http.Request
	cancel  context.CancelFunc
	counted int // bytes of body, among the connection's unfinished ones

	mu     sync.Mutex // guards the rest
	moved  *sync.Cond // something below has changed
	gone   bool       // the stream has ended
	body   []byte     // of the request: what has come and was not read
	ended  bool       // the request is complete
	over   bool       // there was no memory for body
	held   int        // of the budget: bytes that the handler has read
	loose  bool       // and does not keep
	taken  int        // bytes read, for which the peer may send more
	expect bool       // the peer waits to be told to send

	header  []byte // blocks to be sent: of the answer, after those of informational ones
	infos   [][]byte
	pending []byte // of the answer's body
	done    bool   // the handler has returned
	broken  bool   // in a panic
	retired bool   // the loop knows that it has
	trailed []byte // the block of trailers
}

// openHTTP lets the http.Handler answer a stream.
func (c *conn) openHTTP(st *stream, end bool) {
	if c.handlers >= HandlersMax {
		c.reset(st.id, codeRefused)
		return
	}
	x := &exchange{st: st, conn: c, expect: string(st.head.get("expect")) == "100-continue"}
	x.moved = sync.NewCond(&x.mu)
	ctx, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	r, err := x.newRequest(st.head, end)
	if err != nil {
		cancel()
		c.reset(st.id, codeProtocol)
		return
	}
	x.request = r.WithContext(ctx)
	st.shared = &shared{}
	st.http = x
	c.handlers++
	if end {
		c.endRequest(st)
	} else if (st.head.length < 0 || st.head.length > windowDefault) && c.fits(3*BodyWindowBytes) {
		x.credit(st, BodyWindowBytes-windowDefault)
	}
	go x.serve()
}

// newRequest says the header in the words of net/http.
func (x *exchange) newRequest(h *head, end bool) (*http.Request, error) {
	path := string(h.path)
	u, err := url.ParseRequestURI(path)
	if path == "*" {
		u, err = &url.URL{Path: "*"}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: string(h.method), URL: u, RequestURI: path, Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: make(http.Header, len(h.fields)), Host: string(h.authority), ContentLength: h.length,
		RemoteAddr: x.conn.door.RemoteAddr().String(), TLS: x.conn.door.TLS(), Body: &body{x},
	}
	for _, f := range h.fields {
		name, value := http.CanonicalHeaderKey(string(h.text[f.name:f.value])), string(h.text[f.value:f.end])
		switch {
		case name == "Host" && r.Host == "":
			r.Host = value
		case name == "Host":
		case name == "Cookie" && r.Header[name] != nil:
			r.Header[name][0] += "; " + value
		case name == "Trailer":
			announce(r, value)
		default:
			r.Header[name] = append(r.Header[name], value)
		}
	}
	if end {
		r.ContentLength = 0
		r.Body = http.NoBody
	}
	return r, nil
}

// announce notes the trailers that a request will end with.
func announce(r *http.Request, names string) {
	if r.Trailer == nil {
		r.Trailer = http.Header{}
	}
	for name := range strings.SplitSeq(names, ",") {
		r.Trailer[http.CanonicalHeaderKey(strings.TrimSpace(name))] = nil
	}
}

// serve runs the handler.
func (x *exchange) serve() {
	w := &writer{x: x, header: http.Header{}}
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler {
			x.conn.server.log.Error("a handler panicked", "path", x.request.URL.Path, "panic", p, "stack", string(debug.Stack()))
		}
		if p == nil && !w.sent {
			x.linger()
		}
		whole := p == nil && w.finish()
		x.mu.Lock()
		x.done, x.broken = true, !whole
		x.yield()
		x.mu.Unlock()
		x.cancel()
		x.st.Wake()
	}()
	x.conn.server.http.ServeHTTP(w, x.request)
}

// linger takes the rest of a request that its handler has not read, before it is answered: curl and httpx, among others,
// lose an answer that comes while they send and tells them to stop.
func (x *exchange) linger() {
	x.mu.Lock()
	waits := x.expect
	x.over, x.loose = false, true
	x.mu.Unlock()
	if n := x.request.ContentLength; waits || n <= 0 || n > LingerBytesMax {
		return
	}
	_, _ = io.Copy(io.Discard, &body{x})
}

// retire counts a handler that has returned, whatever became of its stream.
func (x *exchange) retire() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done && !x.retired {
		x.retired = true
		x.conn.handlers--
	}
}

// attend takes over what the handler has left; it runs on the loop.
func (x *exchange) attend(st *stream) {
	x.mu.Lock()
	infos, header, taken, done, broken, expect := x.infos, x.header, x.taken, x.done, x.broken, false
	x.infos, x.taken = nil, 0
	if x.expect && taken < 0 {
		taken, expect, x.expect = 0, true, false
	}
	var pending []byte
	if st.queued < x.room() {
		pending, x.pending = x.pending, nil
		x.conn.server.answers.Give(len(pending)) // its stream counts it
		x.moved.Broadcast()
	}
	left := len(x.pending)
	x.mu.Unlock()

	c := st.conn
	if expect && header == nil {
		c.sendBlock(st.id, appendField(nil, ":status", "100"), false)
	}
	for _, b := range infos {
		c.sendBlock(st.id, b, false)
	}
	x.settle(taken)
	x.credit(st, taken)
	if broken {
		c.reset(st.id, codeInternal)
		return
	}
	if done && left == 0 {
		st.finished = true
	}
	if header != nil && !st.headed {
		st.headed = true
		only := st.finished && len(pending) == 0 && x.trailed == nil
		c.sendBlock(st.id, header, only)
		if only {
			st.endedWithData()
			return
		}
	}
	if len(pending) > 0 {
		st.enqueue(pending, nil)
		st.list()
	}
	switch {
	case st.finished && st.queued == 0:
		st.sendEnd()
	case left > 0:
		x.starve()
	}
}

// room is how far the handler may be ahead of its reader: one write, while the peers of all connections have not taken half of
// what may wait for them.
func (x *exchange) room() int {
	if x.conn.server.answers.Scarce() {
		return 1
	}
	return BodyRoomBytes
}

// starve lets attend be called again when the peer has taken some of the body.
func (x *exchange) starve() {
	if !x.st.hungry {
		x.st.hungry = true
		x.conn.hungry = append(x.conn.hungry, x.st)
	}
}

// credit lets the peer send as much again as the handler has read.
func (x *exchange) credit(st *stream, n int) {
	if n > 0 && !st.remote {
		st.window += int32(n)
		st.conn.out.B = appendWindow(st.conn.out.B, st.id, uint32(n))
	}
}

// endsWithData reports whether the last of the body ends the stream.
func (x *exchange) endsWithData(st *stream) bool { return st.finished && x.trailed == nil }

// sendEnd ends the answer where its last DATA has not done so.
func (x *exchange) sendEnd(st *stream) {
	c := st.conn
	if x.trailed != nil {
		c.sendBlock(st.id, x.trailed, true)
		return
	}
	c.out.B = appendHead(c.out.B, 0, frameData, flagEndStream, st.id)
}

// endedWithData is sendEnd for a stream whose end was part of another frame.
func (st *stream) endedWithData() {
	st.sentAll = true
	if !st.remote {
		st.conn.out.B = appendReset(st.conn.out.B, st.id, codeNone)
	}
	st.conn.remove(st)
}

// receive takes part of the request's body; padding is credited at once.
func (x *exchange) receive(p []byte, padding int) {
	c := x.conn
	fits, dropped := c.fits(len(p)), 0
	x.mu.Lock()
	if x.over = x.over || !fits; x.over { // what is thrown away is credited, too: its rest may yet be read before the answer
		dropped = len(x.body)
		x.settle(dropped)
		dropped, p, x.body = dropped+len(p), nil, nil
	}
	x.body = append(x.body, p...)
	x.moved.Broadcast()
	x.mu.Unlock()
	x.counted += len(p)
	c.charge(len(p))
	x.credit(x.st, padding+dropped)
}

// settle uncounts n bytes of the body, which the handler has read or will not.
func (x *exchange) settle(n int) {
	n = min(max(n, 0), x.counted)
	x.counted -= n
	x.conn.charge(-n)
}

// yield gives back what the handler has collected of the body; mu is locked.
func (x *exchange) yield() {
	x.conn.server.budget.Give(x.held)
	x.conn.bodies.Add(int64(-x.held))
	x.held = 0
}

func (x *exchange) receiveEnd() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = true
	x.moved.Broadcast()
}

// trailer hands the fields behind the body over.
func (x *exchange) trailer(h *head) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range h.fields {
		name := http.CanonicalHeaderKey(string(h.text[f.name:f.value]))
		if _, ok := x.request.Trailer[name]; ok {
			x.request.Trailer[name] = append(x.request.Trailer[name], string(h.text[f.value:f.end]))
		}
	}
}

// abort is called when the stream has ended, for whatever reason.
func (x *exchange) abort() {
	x.settle(x.counted)
	x.mu.Lock()
	x.gone = true
	x.body = nil
	x.conn.server.answers.Give(len(x.pending))
	x.pending = nil
	x.moved.Broadcast()
	x.mu.Unlock()
	x.cancel()
}

// body is the request's body as the handler reads it.
type body struct{ x *exchange }

var errGone = errors.New("the stream has ended")

// Read returns what has come, or waits for it. Where the peer waits to be told to send, it is.
func (b *body) Read(p []byte) (int, error) {
	x := b.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.expect && len(x.body) == 0 && !x.ended {
		x.taken = -1
		x.st.Wake()
	}
	for len(x.body) == 0 && !x.ended && !x.gone && !x.over {
		x.moved.Wait()
	}
	switch {
	case x.over:
		return 0, door.ErrBudget
	case len(x.body) > 0:
	case x.ended:
		return 0, io.EOF
	default:
		return 0, errGone
	}
	n := copy(p, x.body)
	if !x.loose {
		room := door.CollectedRoom * n
		if !x.conn.server.budget.Take(room, int(x.conn.bodies.Load())) {
			x.over = true
			return 0, door.ErrBudget
		}
		x.held += room
		x.conn.bodies.Add(int64(room))
	}
	if x.body = x.body[n:]; len(x.body) == 0 {
		x.body = nil
	}
	if x.taken = max(x.taken, 0) + n; !x.ended && x.taken >= BodyRoomBytes/4 || len(x.body) == 0 {
		x.st.Wake()
	}
	return n, nil
}

// Loosen implements door.Loose.
func (b *body) Loosen() {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	b.x.loose = true
}

// Close leaves the rest unread.
func (b *body) Close() error { return nil }
