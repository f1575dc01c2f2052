package door

import (
	"io"
	"net/http"
	"time"

	"github.com/hearthcache/hearth"
)

// ErrBudget is what reading a request's body returns when a Budget has no room for more of it.
var ErrBudget error = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize,
	Msg: "request limit: too much memory is taken by requests that are still arriving; try again later"}

// CollectedRoom is what each byte of a body counts for: who collects a body that comes bit by bit doubles the room for it.
const CollectedRoom = 2

// Counted is a body whose bytes count against a Budget from their reading until Release: its reader collects them.
type Counted struct {
	io.Reader
	Budget *Budget

	held  int
	loose bool
}

// Read implements io.Reader.
func (c *Counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.loose {
		return n, err
	}
	if !c.Budget.Take(CollectedRoom*n, c.held) {
		return 0, ErrBudget
	}
	c.held += CollectedRoom * n
	return n, err
}

// Loosen implements Loose.
func (c *Counted) Loosen() { c.loose = true }

// Release gives back what was counted.
func (c *Counted) Release() {
	c.Budget.Give(c.held)
	c.held = 0
}

// Loose is a body that counts until its request is answered, unless its reader says that it does not keep what it reads.
type Loose interface {
	// Loosen lets what is read from now on go uncounted.
	Loosen()
}

// Loosen says that what is read of body from now on is not kept, or counted elsewhere.
func Loosen(body io.Reader) {
	if l, ok := body.(Loose); ok {
		l.Loosen()
	}
}

// countBodies gives requests over HTTP/1.1 bodies that count, and that bring something now and then. HTTP/2 has such bodies of
// its own.
func countBodies(h http.Handler, b *Budget) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			h.ServeHTTP(w, r)
			return
		}
		body := &countedBody{Counted: Counted{Reader: r.Body, Budget: b}, body: r.Body, w: w, control: http.NewResponseController(w)}
		counted := *r // net/http looks at the body of its own
		counted.Body = body
		defer body.done()
		h.ServeHTTP(w, &counted)
	})
}

// countedBody is the body of a request over HTTP/1.1.
type countedBody struct {
	Counted
	body    io.Closer
	w       http.ResponseWriter
	control *http.ResponseController
	whole   bool
}

// Read implements io.Reader. Its patience with the peer ends with the body, not with an answer that lasts.
func (b *countedBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(bodyIdleMillis * time.Millisecond))
	n, err := b.Counted.Read(p)
	switch err {
	case io.EOF:
		b.whole = true
		_ = b.control.SetReadDeadline(time.Time{})
	case ErrBudget:
		b.w.Header().Set("Connection", "close") // else net/http reads the rest before it answers
	}
	return n, err
}

// Close implements io.Closer.
func (b *countedBody) Close() error { return b.body.Close() }

// done gives back what was counted. What is left of the body net/http reads, with the same patience.
func (b *countedBody) done() {
	b.Release()
	if !b.whole {
		_ = b.control.SetReadDeadline(time.Now().Add(bodyIdleMillis * time.Millisecond))
	}
}
