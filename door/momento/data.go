package momento

import (
	"context"
	"sync"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
)

// decoder reads a request into the command or commands that a P has room for, overwriting what was there but reusing
// slices, and returns the one to run. Where it returns an error, it returns the command as far as it was read.
type decoder[P any] func(m []byte, o P) (op.Op, error)

// encoder appends the fields of the response to a command.
type encoder[P any] func(b []byte, o P, r *op.Reply) []byte

// data returns the row of a method whose request is one command.
func data[T any, P interface{ *T }](h *Handler, method string, decode decoder[P], encode encoder[P]) row {
	m := &command[T, P]{handler: h, decode: decode, encode: encode}
	return row{method, m.serve}
}

// read reads the request of a call.
func read[P any](c h2.Call, request P, decode decoder[P]) (op.Op, error) {
	o, err := decode(c.Message(), request)
	if err == nil {
		settle(c, o)
	}
	return o, err
}

// command is a method whose request is one command.
type command[T any, P interface{ *T }] struct {
	handler *Handler
	decode  decoder[P]
	encode  encoder[P]
	pool    sync.Pool // of *run[T, P]
}

// run is one call while it is answered, with the memory that it needs until then. Idle connections hold none: it is used again.
type run[T any, P interface{ *T }] struct {
	of      *command[T, P]
	request T
	ops     [1]op.Op
	replies [1]op.Reply

	// Where the call has to wait for the engine.
	call    h2.Suspender
	caller  *gateway.Caller
	message []byte
	begun   gateway.Begun
	rest    func(context.Context)
	ended   func(rest func(context.Context)) // end, bound once
}

// messageBytesKept is how large a message may be whose room is kept for later calls.
const messageBytesKept = 16 << 10

func (m *command[T, P]) serve(c h2.Call) {
	caller, err := m.handler.cacheCaller(c)
	if err != nil {
		fail(c, err)
		return
	}
	x, _ := m.pool.Get().(*run[T, P])
	if x == nil {
		x = &run[T, P]{of: m}
	}
	o, err := read(c, P(&x.request), m.decode)
	if err != nil {
		fail(c, m.handler.refusal(caller, o, err))
		x.free()
		return
	}
	if m.handler.gateway.Tries(o) {
		if done, err := m.handler.gateway.Try(caller, o, &x.replies[0]); done {
			x.answer(c, err)
			return
		}
		x.replies[0].Reset()
	}
	if s, ok := c.(h2.Suspender); ok && m.handler.gateway.Starts() && x.start(s, caller) {
		return
	}
	m.handler.detach(c, func(ctx context.Context) { x.wait(ctx, c, caller) })
}

// start lets the engine run the command while the loop goes on. Where it returns false nothing has happened.
func (x *run[T, P]) start(c h2.Suspender, caller *gateway.Caller) bool {
	x.call, x.caller, x.message = c, caller, append(x.message[:0], c.Message()...)
	o, err := x.of.decode(x.message, &x.request)
	if err != nil {
		return false
	}
	if x.ops[0] = o; x.ended == nil {
		x.ended = x.end
	}
	c.Suspend(x)
	return x.of.handler.gateway.Start(&x.begun, caller, x.ops[:], x.replies[:], x.ended)
}

// end is called when the engine is done. rest waits for what others load, if anything.
func (x *run[T, P]) end(rest func(context.Context)) {
	x.rest = rest
	x.call.Resume()
}

// Resumed implements h2.Resumer.
func (x *run[T, P]) Resumed(live bool) {
	switch {
	case x.rest == nil && live:
		x.answer(x.call, x.replies[0].Err)
	case x.rest == nil:
		x.of.handler.gateway.Unheard(x.caller, x.ops[0], &x.replies[0])
		x.free()
	case live:
		ctx := x.call.Detach()
		x.of.handler.start(func() {
			x.rest(ctx)
			x.answer(x.call, x.replies[0].Err)
		})
	default:
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		x.rest(ctx)
		x.free()
	}
}

// wait runs the command on a goroutine that waits for it.
func (x *run[T, P]) wait(ctx context.Context, c h2.Call, caller *gateway.Caller) {
	o, err := read(c, P(&x.request), x.of.decode)
	if err == nil {
		err = x.of.handler.gateway.Do(ctx, caller, o, &x.replies[0])
	}
	x.answer(c, err)
}

// answer ends the call.
func (x *run[T, P]) answer(c h2.Call, err error) {
	if err != nil {
		fail(c, err)
	} else {
		send(c, P(&x.request), &x.replies[0], x.of.encode)
		c.Finish(h2.Status{})
	}
	x.free()
}

// free lets another call use x.
func (x *run[T, P]) free() {
	x.replies[0].Reset()
	x.call, x.caller, x.ops[0], x.rest = nil, nil, nil, nil
	if cap(x.message) <= messageBytesKept {
		x.of.pool.Put(x)
	}
}

// send sends one response. A large value is not copied where the call can do without.
func send[P any](c h2.Call, o P, r *op.Reply, encode encoder[P]) {
	ref, refers := c.(h2.Referrer)
	if _, isGet := any(o).(*op.Get); refers && isGet {
		if value := r.Block; value != nil {
			r.Block = nil // the call releases it from now on
			ref.EndWith(appendHit(c.Begin(), len(value.Bytes())), value.Bytes(), value)
			return
		}
		if value := r.Given(); value != nil {
			ref.EndWith(appendHit(c.Begin(), len(value)), value, nil)
			return
		}
	}
	c.End(encode(c.Begin(), o, r))
}

// refusal returns the error of a command that cannot be run as it was sent: whether the caller may and whether there
// is such a cache come first.
func (h *Handler) refusal(caller *gateway.Caller, o op.Op, err error) error {
	if first := h.gateway.Permit(caller, o); first != nil {
		return first
	}
	return err
}
