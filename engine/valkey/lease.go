package valkey

import (
	"context"
	_ "embed" // the functions' text
	"strconv"
	"sync"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

//go:embed lease.lua
var leaseFunctions string

// The lease of an item is a string beside it, in the same slot, so that a write can end it in one step. It holds a token of
// its holder, or a note. It lives for leaseFor and is prolonged every leaseAgain while it is wanted: when a gateway dies,
// another one may load what it was loading soon after.
const (
	leasePrefix = "h::lease:{"
	tokenMark   = 't'
	noteMark    = 'n'
	leaseFor    = 3 * time.Second
	leaseAgain  = leaseFor / 3
)

// appendLeaseKey appends the key of the lease of an item, which is given with its prefix.
func appendLeaseKey(dst, item []byte) []byte {
	tag := tagOf(slotOf(item))
	dst = append(append(dst, leasePrefix...), tag[:]...)
	return append(append(dst, '}'), item[len(ownPrefix):]...)
}

// tagOf returns two bytes whose slot is s: the CRC's register run backwards. Of the four that there are it takes the first
// that can stand between braces.
func tagOf(s uint16) (tag [2]byte) {
	for high := range uint16(4) {
		crc := high<<14 | s
		for range 16 {
			if crc&1 != 0 {
				crc = (crc^0x1021)>>1 | 0x8000
			} else {
				crc >>= 1
			}
		}
		if tag = [2]byte{byte(crc >> 8), byte(crc)}; tag[0] != '}' && tag[1] != '}' {
			break
		}
	}
	return tag
}

// lease implements engine.Lease.
type lease struct {
	engine *Engine
	item   []byte
	key    []byte
	token  []byte
	until  time.Time // when it is not prolonged any more

	mu    sync.Mutex  // guards the rest
	timer *time.Timer // nil where another gateway prolongs it
	over  bool
}

// Lease implements engine.Leaser.
func (e *Engine) Lease(ctx context.Context, s hearth.Space, keys [][]byte, names []uint64, most time.Duration) []engine.Leased {
	var b respwire.Batch
	leases, units := make([]*lease, len(keys)), make([]*unit, len(keys))
	first := min(leaseFor, most)
	for i, k := range keys {
		l := e.lease(s, k, names[i])
		l.until = time.Now().Add(most)
		l.sayTake(&b, first)
		leases[i], units[i] = l, &unit{batch: &b, first: i, end: i + 1, slot: text(l.key), repeatable: true}
	}
	e.run(ctx, units)
	out := make([]engine.Leased, len(keys))
	for i, l := range leases {
		out[i] = l.taken(ctx, units[i], first)
	}
	return out
}

// sayTake asks for the lease, and for what is there instead.
func (l *lease) sayTake(b *respwire.Batch, first time.Duration) {
	b.Command("SET", l.key, l.token, []byte("NX"), []byte("GET"), []byte("PX"), millis(first))
}

func (e *Engine) lease(s hearth.Space, key []byte, name uint64) *lease {
	item := appendKey(nil, s, key)
	return &lease{engine: e, item: item, key: appendLeaseKey(nil, item), token: strconv.AppendUint([]byte{tokenMark}, name, 10)}
}

// Held implements engine.Leaser.
func (e *Engine) Held(ctx context.Context, s hearth.Space, key []byte, name uint64) (engine.Lease, error) {
	l := e.lease(s, key, name)
	var b respwire.Batch
	b.Command("GET", l.key)
	got, err := e.say(ctx, &b, l.key, true)
	if err == nil {
		err = refusal(got[0])
	}
	if err != nil || string(got[0].Str) != string(l.token) {
		return nil, err
	}
	return l, nil
}

// taken reads what the server has said: what was there before, which is the token itself where the command was repeated.
func (l *lease) taken(ctx context.Context, u *unit, first time.Duration) engine.Leased {
	if u.err != nil {
		return engine.Leased{Err: unreachable(ctx, u.err)}
	}
	return l.heard(u.values[0], first)
}

// heard is taken for an answer that has come.
func (l *lease) heard(v respwire.Value, first time.Duration) engine.Leased {
	switch {
	case v.IsError():
		return engine.Leased{Err: op.ServerError(v)}
	case v.Null || string(v.Str) == string(l.token):
		l.mu.Lock()
		l.timer = time.AfterFunc(min(leaseAgain, first/2), l.prolong)
		l.mu.Unlock()
		return engine.Leased{Lease: l}
	case len(v.Str) > 1 && v.Str[0] == noteMark:
		return engine.Leased{Note: append([]byte{}, v.Str[1:]...)}
	}
	return engine.Leased{}
}

func millis(d time.Duration) []byte {
	return strconv.AppendInt(nil, max(1, d.Milliseconds()), 10)
}

// prolong keeps the lease, until the time that it was taken for is over.
func (l *lease) prolong() {
	left := time.Until(l.until)
	if left < leaseAgain || l.ended() || l.engine.closed.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaseFor)
	defer cancel()
	kept, err := l.say(ctx, millis(min(leaseFor, left)))
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && !kept {
		l.over = true
	}
	if !l.over {
		l.timer.Reset(min(leaseAgain, left/2))
	}
}

// say calls the function that changes a lease of ours and reports whether it was.
func (l *lease) say(ctx context.Context, args ...[]byte) (bool, error) {
	var b respwire.Batch
	b.Function("hearth_lease", l.key, append([][]byte{l.token}, args...)...)
	got, err := l.engine.say(ctx, &b, l.key, true)
	if err != nil {
		return false, err
	}
	return got[0].Int == 1, refusal(got[0])
}

// refusal is what a server has said that is an error.
func refusal(v respwire.Value) error {
	if v.IsError() {
		return op.ServerError(v)
	}
	return nil
}

func (l *lease) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// end reports whether the lease had not ended yet.
func (l *lease) end() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.over = true
	if l.timer != nil {
		l.timer.Stop()
	}
	return true
}

// Store implements engine.Lease. Where its answer is lost, it may have happened: the lease is gone then.
func (l *lease) Store(ctx context.Context, o op.Op) (bool, error) {
	var plain, b respwire.Batch
	o.Send(&plain, l.item)
	args := append([][]byte{[]byte("FCALL"), []byte("hearth_leased"), []byte("2"), l.item, l.key, l.token}, plain.At(0)...)
	b.Raw(args...)
	got, err := l.engine.say(ctx, &b, l.item, false)
	if l.engine.near != nil {
		l.engine.near.forget(text(l.item))
	}
	if err == nil {
		err = refusal(got[0])
	}
	if err != nil {
		return false, err
	}
	l.end()
	return got[0].Int == 1, nil
}

// Leave implements engine.Lease.
func (l *lease) Leave(note []byte, d time.Duration) {
	if l.end() {
		ctx, cancel := context.WithTimeout(context.Background(), leaseFor)
		defer cancel()
		_, _ = l.say(ctx, millis(d), append([]byte{noteMark}, note...))
	}
}

// Ended implements engine.Lease.
func (l *lease) Ended() { l.end() }

// End implements engine.Lease. What does not arrive ends by itself.
func (l *lease) End() {
	if !l.end() {
		return
	}
	time.AfterFunc(0, func() {
		ctx, cancel := context.WithTimeout(context.Background(), leaseFor)
		defer cancel()
		_, _ = l.say(ctx, []byte("0"))
	})
}
