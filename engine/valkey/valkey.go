// Package valkey keeps items in a Valkey or Redis server or cluster: the client, key prefixes by space, server-side
// functions, retries and error mapping around op.Op's Send and Recv. It knows no commands, no caches and no tenants.
package valkey

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
)

// Options configures an Engine. Addrs is required.
type Options struct {
	Addrs    []string // host:port or /path/of/a/socket; of a cluster any of its nodes, of a single server the one
	Username string   // ACL user; empty is "default"
	Password string
	TLS      *tls.Config // nil is plaintext

	// Timeout bounds a command whose caller has no deadline, and how long a silent connection is trusted; 0 is 5 s.
	Timeout time.Duration
	// NearBytes bounds the memory for hot items kept in this process; 0 is none.
	NearBytes int64
}

// Engine keeps items in Valkey.
type Engine struct {
	opts    Options
	library library
	near    *near // nil where nothing is kept here

	mu     sync.Mutex // held while connecting
	client atomic.Pointer[connected]
	closed atomic.Bool

	failures failures

	tables tables
	pipes  pipes
	ears   ears
	calls  sync.Pool // of *call
	begun  sync.Pool // of *started
	wake   chan struct{}
}

// connected is the client once it has reached a server.
type connected struct {
	valkey.Client
	cluster bool
	library string // what ends the names of functions
}

// New returns an engine that connects with its first command, so that hearth starts and says that it is not ready
// while its servers cannot be reached.
func New(o Options) (*Engine, error) {
	if len(o.Addrs) == 0 {
		return nil, &hearth.Error{Kind: hearth.Invalid, Msg: "the Valkey engine needs the address of at least one server (host:port)"}
	}
	if o.Timeout == 0 {
		o.Timeout = timeoutDefault
	}
	e := &Engine{opts: o, library: newLibrary(op.Library + tagFunctions + leaseFunctions), wake: make(chan struct{}, 1)}
	if o.NearBytes > 0 {
		e.near = newNear(o.NearBytes)
	}
	e.calls.New = func() any { return &call{} }
	e.begun.New = func() any { return &started{} }
	return e, nil
}

const (
	timeoutDefault  = 5 * time.Second
	connBufferBytes = 64 << 10
	dialTimeout     = time.Second
)

// conn returns the client, connecting where that has not happened yet.
func (e *Engine) conn() (*connected, error) {
	if c := e.client.Load(); c != nil {
		return c, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.client.Load(); c != nil {
		return c, nil
	}
	if e.closed.Load() {
		return nil, errClosed
	}
	c, err := valkey.NewClient(e.clientOptions())
	if err != nil {
		return nil, err
	}
	n := &connected{Client: c, cluster: c.Mode() == valkey.ClientModeCluster, library: e.library.suffix}
	e.client.Store(n)
	return n, nil
}

func (e *Engine) clientOptions() valkey.ClientOption {
	o := valkey.ClientOption{
		InitAddress: e.opts.Addrs,
		Username:    e.opts.Username,
		Password:    e.opts.Password,
		TLSConfig:   e.opts.TLS,
		ClientName:  "hearth",
		// Which commands may be said again is known here, not in the client.
		DisableRetry: true,
		DisableCache: true,
		// One connection to each node: commands on one key keep their order, also in the near cache.
		PipelineMultiplex:   -1,
		ConnWriteTimeout:    e.opts.Timeout,
		ReadBufferEachConn:  connBufferBytes,
		WriteBufferEachConn: connBufferBytes,
		BlockingPipeline:    1 << 30, // never a connection of its own: order is kept
	}
	o.Dialer.Timeout = dialTimeout
	if e.near != nil {
		o.DisableCache, o.NewCacheStoreFn = false, e.near.store
	}
	switch {
	case e.opts.Addrs[0][0] == '/':
		o.DialCtxFn = dialSocket
	case e.opts.TLS != nil:
		o.DialCtxFn = dialTLS
	}
	return o
}

// Ready implements engine.Remote: it returns nil when any server answers. With one shard in trouble the others are served,
// and callers that were sent to another gateway would not be better off.
func (e *Engine) Ready(ctx context.Context) error {
	c, err := e.conn()
	if err != nil {
		return unreachable(ctx, err)
	}
	nodes := c.Nodes()
	answers := make(chan error, len(nodes))
	for _, n := range nodes {
		go func() { answers <- n.Do(ctx, n.B().Arbitrary("PING").Build()).Error() }()
	}
	for range nodes {
		if err = <-answers; err == nil {
			return nil
		}
	}
	return unreachable(ctx, err)
}

// Close implements engine.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed.Swap(true) {
		e.pipes.close()
		e.ears.close()
		if c := e.client.Swap(nil); c != nil {
			c.Close()
		}
	}
	return nil
}

var errClosed = errors.New("the engine is closed")
