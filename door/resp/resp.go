// Package resp is the door for Redis and Valkey clients: RESP 2 and 3, requests run to completion in the order in which
// they came, answers written once a batch. It knows how clients spell commands, and nothing of tenants' limits or of
// where items are kept.
package resp

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/topics"
)

// Options configures a Door. Gateway is required; the rest has defaults.
type Options struct {
	Gateway *gateway.Gateway
	Cache   string // of clients that name none; "default"
	Version string // of hearth, for INFO
	Port    int    // for INFO and CLUSTER
	Host    string // that CLUSTER SLOTS tells clients; empty is the address they came to

	Budget *door.Budget // of requests that are not done, which all doors may share; nil is one of its own
	Log    *slog.Logger // nil is slog.Default()
}

// Door serves RESP.
type Door struct {
	Options
	table    func() *table
	began    time.Time
	id       func() string // 40 hex digits: the node's name
	nextID   atomic.Int64
	commands atomic.Int64
	messages sync.Pool // of *[takeMessages]topics.Message
	batches  sync.Pool // of *batch
	seed     maphash.Seed
	pipes    sync.Pool     // of *pipe
	large    chan struct{} // a place for each large command that may run at a time

	mu    sync.Mutex // guards conns
	conns map[int64]*conn
}

// New returns a door.
func New(o Options) *Door {
	o.Cache = cmp.Or(o.Cache, "default")
	o.Version = cmp.Or(o.Version, "dev")
	o.Port = cmp.Or(o.Port, 6379)
	o.Budget = cmp.Or(o.Budget, &door.Budget{})
	if o.Log == nil {
		o.Log = slog.Default()
	}
	d := &Door{Options: o, began: time.Now(), seed: maphash.MakeSeed(), conns: map[int64]*conn{}}
	d.large = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	d.table = sync.OnceValue(func() *table { return newTable(families()...) })
	d.id = sync.OnceValue(nodeID)
	d.pipes.New = func() any { return new(pipe) }
	d.messages.New = func() any { return new([takeMessages]topics.Message) }
	return d
}

// families returns the rows of all commands, as COMMAND LIST shows them.
func families() [][]row {
	return [][]row{stringRows(), bitRows(), keyRows(), scanRows, hashRows(), fieldRows(), listRows(), setRows(), sortedRows(), tagRows,
		connectionRows, clientRows, transactionRows, pubsubRows, serverRows, clusterRows, commandRows}
}

// nodeID returns a name for this process as nodes of a cluster have them.
func nodeID() string {
	var b [20]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Open implements door.Protocol.
func (d *Door) Open(sock *door.Conn, out *door.Writer) door.Session {
	c := &conn{door: d, sock: sock, proto: respwire.RESP2, ctx: context.Background()}
	c.info = about{id: d.nextID.Add(1), began: time.Now()}
	if a := sock.RemoteAddr(); a != nil {
		c.info.addr = a.String()
		if p, err := netip.ParseAddrPort(c.info.addr); err == nil {
			c.peer = p.Addr().Unmap()
		}
	}
	if a := sock.LocalAddr(); a != nil {
		c.info.laddr = a.String()
	}
	c.welcome()
	c.meet()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns[c.info.id] = c
	return c
}

// Refusal implements door.Refuser.
func (d *Door) Refusal() []byte { return []byte("-ERR max number of clients reached\r\n") }

// forget takes a connection that has ended off the list.
func (d *Door) forget(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c.info.id)
}

// peers returns the connections that work on the same cache as c, oldest first.
func (d *Door) peers(c *conn) []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	var same []*conn
	for _, o := range d.conns {
		if o == c || o.info.user == c.info.user {
			same = append(same, o)
		}
	}
	slices.SortFunc(same, func(a, b *conn) int { return cmp.Compare(a.info.id, b.info.id) })
	return same
}
