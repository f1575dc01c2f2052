package momento

import (
	"context"
	"net/netip"
	"sync"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door/h2"
)

// Exchange is one call on a server that gives every request a goroutine of its own and whose writes wait for the
// reader: gRPC-Web over net/http, and grpc-go. It is an h2.Call; Run carries it from the request to its status.
type Exchange struct {
	Path   string
	Value  func(header string) []byte // nil where the header is absent
	Body   []byte                     // the request message
	From   netip.Addr                 // where the call comes from, if that is known
	Conn   *any                       // what the handler keeps with the connection
	Output func(message []byte) error // sends one response message, waiting for the reader

	ctx      context.Context
	cancel   context.CancelFunc
	buf      []byte
	detached bool
	pump     func()
	closed   func()
	wake     chan struct{}
	pumped   int // how often pump was called

	once   sync.Once
	done   chan struct{} // closed by Finish
	status h2.Status
}

var _ h2.Call = (*Exchange)(nil)

// Run lets the handler answer and returns the call's status. The context ends with the call's deadline or its client.
func (x *Exchange) Run(ctx context.Context, h h2.Handler) h2.Status {
	x.ctx, x.cancel = context.WithCancel(ctx)
	defer x.cancel()
	x.done, x.wake = make(chan struct{}), make(chan struct{}, 1)
	h.ServeCall(x)
	switch {
	case x.pump != nil:
		return x.runStream()
	case x.detached:
		<-x.done // the handler's goroutine uses the call until it finishes it; its context tells it to hurry
		return x.status
	}
	select {
	case <-x.done:
		return x.status
	default:
		return statusOf(&hearth.Error{Msg: "momento: a handler left its call open"})
	}
}

func (x *Exchange) runStream() h2.Status {
	defer x.closed()
	for {
		select {
		case <-x.done:
			return x.status
		case <-x.ctx.Done():
			return x.ended()
		case <-x.wake:
			x.pumped++
			x.pump()
		}
	}
}

// ended returns the status of a call whose context has ended: its own where it was finished just before.
func (x *Exchange) ended() h2.Status {
	select {
	case <-x.done:
		return x.status
	default:
		return statusOf(x.ctx.Err())
	}
}

// Method implements h2.Call.
func (x *Exchange) Method() string { return x.Path }

// Header implements h2.Call.
func (x *Exchange) Header(name string) []byte { return x.Value(name) }

// Message implements h2.Call.
func (x *Exchange) Message() []byte { return x.Body }

// Memory implements h2.Call.
func (x *Exchange) Memory() h2.Memory { return nil }

// Peer implements h2.Peered.
func (x *Exchange) Peer() netip.Addr { return x.From }

// Local implements h2.Call.
func (x *Exchange) Local() *any { return x.Conn }

// Begin implements h2.Call.
func (x *Exchange) Begin() []byte { return x.buf[:0] }

// End implements h2.Call. When the client has gone, the call's context ends.
func (x *Exchange) End(b []byte) {
	x.buf = b[:0]
	if err := x.Output(b); err != nil {
		x.cancel()
	}
}

// Finish implements h2.Call.
func (x *Exchange) Finish(s h2.Status) {
	x.once.Do(func() {
		x.status = s
		close(x.done)
	})
}

// Detach implements h2.Call.
func (x *Exchange) Detach() context.Context {
	x.detached = true
	return x.ctx
}

// Stream implements h2.Call.
func (x *Exchange) Stream(pump func(), closed func()) { x.pump, x.closed = pump, closed }

// Wake implements h2.Call.
func (x *Exchange) Wake() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// Room implements h2.Call: Output waits for the reader by itself.
func (x *Exchange) Room() int { return exchangeRoom }

const exchangeRoom = 1 << 20
