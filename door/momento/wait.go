package momento

import (
	"context"
	"sync"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
)

// waits is how the calls of one method wait for what Try could not finish.
type waits[T any, P interface{ *T }] struct {
	handler *Handler
	decode  decoder[P]
	encode  encoder[P]
	pool    sync.Pool // of *waiting[T, P]
}

// waiting is one call that waits, with the memory that it needs until then. It is an h2.Resumer, used again when it has answered.
type waiting[T any, P interface{ *T }] struct {
	of      *waits[T, P]
	call    h2.Suspender
	message []byte
	request T
	ops     [1]op.Op
	replies [1]op.Reply
	rest    func(context.Context)
	ended   func(rest func(context.Context)) // end, bound once
}

// messageBytesKept is how large a message may be whose room is kept for later calls.
const messageBytesKept = 16 << 10

// leave lets the engine, or a goroutine where that must be, finish what Try could not.
func (w *waits[T, P]) leave(c h2.Call, caller *gateway.Caller) {
	if s, ok := c.(h2.Suspender); ok && w.start(s, caller) {
		return
	}
	w.handler.detach(c, func(ctx context.Context) { w.run(ctx, c, caller) })
}

// run runs a command on a goroutine.
func (w *waits[T, P]) run(ctx context.Context, c h2.Call, caller *gateway.Caller) {
	request, r := P(new(T)), &op.Reply{}
	defer r.Reset()
	o, err := read(c, request, w.decode)
	if err == nil {
		err = w.handler.gateway.Do(ctx, caller, o, r)
	}
	answer(c, request, r, err, w.encode)
}

// start lets the engine run a command while the loop goes on. Where it returns false nothing has happened.
func (w *waits[T, P]) start(c h2.Suspender, caller *gateway.Caller) bool {
	l, _ := w.pool.Get().(*waiting[T, P])
	if l == nil {
		l = &waiting[T, P]{of: w}
		l.ended = l.end
	}
	l.call, l.message = c, append(l.message[:0], c.Message()...)
	o, err := w.decode(l.message, &l.request)
	if err != nil {
		l.free()
		return false
	}
	l.ops[0] = o
	c.Suspend(l)
	if !w.handler.gateway.Start(caller, l.ops[:], l.replies[:], l.ended) {
		l.free()
		return false
	}
	return true
}

// end is called when the engine is done. rest waits for what others load, if anything.
func (l *waiting[T, P]) end(rest func(context.Context)) {
	l.rest = rest
	l.call.Resume()
}

// Resumed implements h2.Resumer.
func (l *waiting[T, P]) Resumed(live bool) {
	switch {
	case l.rest == nil && live:
		l.answer()
	case l.rest == nil:
		l.free()
	case live:
		ctx := l.call.Detach()
		l.of.handler.start(func() {
			l.rest(ctx)
			l.answer()
		})
	default:
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		l.rest(ctx)
		l.free()
	}
}

func (l *waiting[T, P]) answer() {
	answer[P](l.call, &l.request, &l.replies[0], l.replies[0].Err, l.of.encode)
	l.free()
}

// free lets another call use l.
func (l *waiting[T, P]) free() {
	l.replies[0].Reset()
	l.call, l.ops[0], l.rest = nil, nil, nil
	if cap(l.message) <= messageBytesKept {
		l.of.pool.Put(l)
	}
}
