// Package memcache is the door for memcached's clients: the text protocol with its meta commands, run to completion in
// the order in which requests came. It knows how clients spell commands, and nothing of tenants' limits or of where
// items are kept.
package memcache

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
)

// version is what clients take for the version of the server, to know which commands they may use.
const version = "1.6.18"

// Options configures a Door. Gateway is required; the rest has defaults.
type Options struct {
	Gateway *gateway.Gateway
	Cache   string       // the cache of this listener; "default". A client that signs in names its own
	Host    string       // that "config get cluster" tells clients; empty is the address they came to
	Port    int          // likewise
	Budget  *door.Budget // of values that are arriving, which all doors may share; nil is one of its own
	Log     *slog.Logger // nil is slog.Default()
}

// Door serves memcached's text protocol.
type Door struct {
	Options
	began time.Time
	count counts
}

// counts are the figures of "stats".
type counts struct {
	accepted, open                                      atomic.Int64
	gets, sets, flushes, touches, metas                 atomic.Int64
	getHits, getMisses, touchHits, touchMisses          atomic.Int64
	deleteHits, deleteMisses, incrHits, incrMisses      atomic.Int64
	decrHits, decrMisses, casHits, casMisses, casBadval atomic.Int64
	tooLarge, auths, authErrors, read                   atomic.Int64
}

// New returns a door.
func New(o Options) *Door {
	o.Cache = cmp.Or(o.Cache, "default")
	o.Budget = cmp.Or(o.Budget, &door.Budget{})
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Door{Options: o, began: time.Now()}
}

// Open implements door.Protocol.
func (d *Door) Open(sock *door.Conn, _ *door.Writer) door.Session {
	d.count.accepted.Add(1)
	d.count.open.Add(1)
	c := &conn{door: d, sock: sock, ctx: context.Background()}
	if a := sock.RemoteAddr(); a != nil {
		if p, err := netip.ParseAddrPort(a.String()); err == nil {
			c.peer = p.Addr().Unmap()
		}
	}
	caller, err := d.Gateway.SignIn(gateway.Credential{Peer: c.peer, Door: gateway.Memcache}, d.Cache)
	switch {
	case err != nil:
		sock.Guest()
	case c.sit(caller):
		c.caller, c.open = caller, true
	default:
		c.out, c.closing = d.Refusal(), true
		sock.Wake() // to be told so, and closed, before it says anything
	}
	return c
}

// Refusal implements door.Refuser.
func (d *Door) Refusal() []byte { return []byte(errFull + "\r\n") }
