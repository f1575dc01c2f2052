// Package valkey is the broker of a fleet: topics are kept and numbered in Valkey or Redis servers, and each gateway fans
// out to its own subscribers what the servers tell it. It knows nothing of caches' names, callers or protocols.
package valkey

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/topics"
	"github.com/hearthcache/hearth/topics/webhook"
)

// Options configures a Broker. Client, Dial and Owners are required.
type Options struct {
	Client valkey.Client // for commands; stays the caller's
	// Dial returns a connection to a server, signed in and with answers in RESP3.
	Dial func(addr string) (net.Conn, error)
	// Owners returns what tells the address of the server that has a key; "" where nobody has it now.
	Owners func(ctx context.Context) (func(key string) string, error)
	// Reclaim gives back what the servers keep of a space that is gone; nil leaves that to its expiry.
	Reclaim func(ctx context.Context, s hearth.Space) error
	Timeout time.Duration // of a publication or subscription whose caller has no deadline; 0 is 5 s
	Log     *slog.Logger  // nil is slog.Default
}

// Broker is a topics.Broker over Valkey, for any number of gateways.
type Broker struct {
	o      Options
	memory *topics.Memory
	over   context.Context // ends with Close
	end    context.CancelFunc
	wake   chan struct{} // tells tend that there is something to do

	name   string // who this gateway is among others
	script scripts

	mu      sync.Mutex // guards the rest, and most of each feed
	feeds   map[string]*feed
	todo    map[*feed]struct{} // feeds without an ear
	ears    map[string]*ear    // by address
	owner   func(key string) string
	tending bool
	// troubled is that feeds were lost since tend has last looked.
	troubled bool
	closed   bool
}

const (
	timeoutDefault = 5 * time.Second
	againFirst     = 10 * time.Millisecond // the pause before trying again doubles from the first
	againLast      = 500 * time.Millisecond
)

// New returns a Broker, which connects when it is first used.
func New(o Options) *Broker {
	if o.Timeout == 0 {
		o.Timeout = timeoutDefault
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Broker{o: o, memory: topics.NewMemory(topics.Options{Fed: true}), wake: make(chan struct{}, 1), name: rand.Text(), script: newScripts(),
		feeds: map[string]*feed{}, todo: map[*feed]struct{}{}, ears: map[string]*ear{}}
	b.over, b.end = context.WithCancel(context.Background())
	return b
}

// Remote implements topics.Remote.
func (b *Broker) Remote() {}

// Close ends the connections. Subscriptions see nothing more.
func (b *Broker) Close() error {
	b.end()
	b.mu.Lock()
	b.closed = true
	for _, e := range b.ears {
		e.close()
	}
	b.mu.Unlock()
	b.memory.Close()
	return nil
}

// Publish implements topics.Broker. Where its answer is lost the error is Unavailable, and the message may have been
// published. Receivers are those of this gateway, and one for each other gateway that has subscribers of the topic itself.
func (b *Broker) Publish(ctx context.Context, s hearth.Space, topic string, body topics.Body) (topics.Receipt, error) {
	if err := body.Check(); err != nil {
		return topics.Receipt{}, err
	}
	ctx, cancel := b.patience(ctx)
	defer cancel()
	key := topicKey(s, topic)
	payload := appendPayload(make([]byte, 0, len(body.Bytes)+len(body.Key)+len(body.Publisher)+16), &body)
	args := []string{laneChannel(s, laneOf(topic)), topic, strconv.Itoa(hearth.TopicRingMessagesMax), strconv.Itoa(hearth.TopicRingBytesMax),
		idle, valkey.BinaryString(payload)}
	got, err := b.say(ctx, b.script.publish, key, args)
	if err != nil {
		return topics.Receipt{}, err
	}
	return b.receipt(s, topic, key, got)
}

// Break implements topics.Breaker. It does not wait for the servers.
func (b *Broker) Break(s hearth.Space, topic string) {
	go func() {
		ctx, cancel := b.patience(b.over)
		defer cancel()
		if err := b.script.skip.Exec(ctx, b.o.Client, []string{topicKey(s, topic)}, []string{idle}).Error(); err != nil {
			b.o.Log.Error("the subscribers of a topic cannot be told that messages were lost", "topic", topic, "err", err)
		}
	}()
}

func (b *Broker) receipt(s hearth.Space, topic, key string, got []valkey.ValkeyMessage) (r topics.Receipt, err error) {
	if len(got) != 3 {
		return r, &hearth.Error{Kind: hearth.Internal, Msg: "a publication was answered with something else"}
	}
	page, _ := got[0].ToString()
	r.Page, err = strconv.ParseUint(page, 10, 64)
	if err != nil {
		return r, &hearth.Error{Kind: hearth.Internal, Msg: "a publication was answered with something else", Err: err}
	}
	number, _ := got[1].AsInt64()
	heard, _ := got[2].AsInt64()
	r.Sequence = uint64(number)
	r.Receivers = b.memory.Receivers(s, topic) + int(heard)
	if b.follows(key) {
		r.Receivers = max(0, r.Receivers-1)
	}
	return r, nil
}

// idle is for how long a topic is kept that nobody uses, in milliseconds.
var idle = strconv.FormatInt(hearth.TopicIdleMax.Milliseconds(), 10)

// patience bounds a call whose caller has set no bound.
func (b *Broker) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, b.o.Timeout)
}

// say runs a script, again and again where the servers have not done it for a reason that passes.
func (b *Broker) say(ctx context.Context, script *valkey.Lua, key string, args []string) ([]valkey.ValkeyMessage, error) {
	for pause := againFirst; ; pause = min(2*pause, againLast) {
		got, err := script.Exec(ctx, b.o.Client, []string{key}, args).ToArray()
		if err == nil {
			return got, nil
		}
		if !notDone(err) {
			return nil, unavailable(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil, unavailable(ctx, err)
		case <-b.over.Done():
			return nil, unavailable(ctx, err)
		case <-time.After(pause):
		}
	}
}

var (
	_ topics.Broker  = (*Broker)(nil)
	_ topics.Remote  = (*Broker)(nil)
	_ topics.Lister  = (*Broker)(nil)
	_ topics.Breaker = (*Broker)(nil)
	_ webhook.Leases = (*Broker)(nil)
)
