package valkey

import (
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"
)

// routes says which pipe a slot's commands take. It is never changed in place.
type routes struct {
	pipes []*pipe
	slots *[slotCount]*pipe // nil where there is one server
}

const slotCount = 1 << 14

// of returns the pipe for a key; nil where its server is not known.
func (r *routes) of(key string) *pipe {
	if r.slots == nil {
		return r.pipes[0]
	}
	return r.slots[slotOf([]byte(key))]
}

// find returns the pipe to a server that still works; nil if there is none.
func (r *routes) find(addr string) *pipe {
	if r == nil {
		return nil
	}
	for _, p := range r.pipes {
		if p.addr == addr && !p.broken() {
			return p
		}
	}
	return nil
}

// pipes keeps the newest routes. They are looked for when somebody has found that there are none, or that they are
// wrong; meanwhile commands go through the client, which knows its own way.
type pipes struct {
	now     atomic.Pointer[routes]
	looking atomic.Bool

	mu     sync.Mutex // guards closed, and is held while routes change
	closed bool
}

// lookPause is kept after each look, so that a server that is down is not asked at every command.
const lookPause = 50 * time.Millisecond

func (ps *pipes) routes() *routes { return ps.now.Load() }

// look has the routes looked for, unless somebody does so already.
func (ps *pipes) look(e *Engine) {
	if ps.looking.Swap(true) {
		return
	}
	go func() {
		defer ps.looking.Store(false)
		ps.renew(e)
		time.Sleep(lookPause)
	}()
}

// renew finds the servers and connects to those that are new.
func (ps *pipes) renew(e *Engine) {
	c, err := e.conn()
	if err != nil {
		return
	}
	old := ps.now.Load()
	r := &routes{}
	if c.cluster {
		ctx, cancel := context.WithTimeout(context.Background(), e.opts.Timeout)
		defer cancel()
		ranges, err := slotRanges(ctx, c.Client, e.opts.Addrs[0])
		if err != nil {
			return
		}
		r.slots = new([slotCount]*pipe)
		for _, sr := range ranges {
			p := ps.reach(e, old, r, sr.addr)
			for slot := sr.first; slot <= sr.last && slot < slotCount; slot++ {
				r.slots[slot] = p
			}
		}
	} else if ps.reach(e, old, r, e.opts.Addrs[0]) == nil {
		return
	}
	ps.put(old, r)
}

// reach returns the pipe to a server, and adds it to r; nil where the server cannot be reached.
func (ps *pipes) reach(e *Engine, old, r *routes, addr string) *pipe {
	if p := r.find(addr); p != nil {
		return p
	}
	p := old.find(addr)
	if p == nil {
		var err error
		if p, err = e.dial(addr); err != nil {
			return nil
		}
		go p.read()
	}
	r.pipes = append(r.pipes, p)
	return p
}

// put makes r the routes, and lets go of pipes that it does not have.
func (ps *pipes) put(old, r *routes) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.closed {
		old, r = r, &routes{}
	}
	if len(r.pipes) == 0 {
		ps.now.Store(nil)
	} else {
		ps.now.Store(r)
	}
	if old == nil {
		return
	}
	for _, p := range old.pipes {
		if r.find(p.addr) != p {
			p.retire()
		}
	}
}

// close ends every pipe; commands that are under way are not waited for.
func (ps *pipes) close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.closed = true
	if r := ps.now.Swap(nil); r != nil {
		for _, p := range r.pipes {
			_ = p.conn.Close()
		}
	}
}

// slotRange is some slots and the server that has them.
type slotRange struct {
	first, last int64
	addr        string
}

// slotRanges asks a cluster which primary has which slots. A server that does not say its own host has that of seed.
func slotRanges(ctx context.Context, c valkey.Client, seed string) ([]slotRange, error) {
	rows, err := c.Do(ctx, c.B().Arbitrary("CLUSTER", "SLOTS").Build()).ToArray()
	if err != nil {
		return nil, err
	}
	var ranges []slotRange
	for _, row := range rows {
		fields, err := row.ToArray()
		if err != nil || len(fields) < 3 {
			continue
		}
		if sr, ok := slotRangeOf(fields, seed); ok {
			ranges = append(ranges, sr)
		}
	}
	return ranges, nil
}

// slotRangeOf reads one row: first slot, last slot, primary, replicas; a node is its host, its port and more.
func slotRangeOf(fields []valkey.ValkeyMessage, seed string) (sr slotRange, ok bool) {
	node, err := fields[2].ToArray()
	if err != nil || len(node) < 2 {
		return sr, false
	}
	host, _ := node[0].ToString()
	if host == "" {
		if host, _, err = net.SplitHostPort(seed); err != nil {
			return sr, false
		}
	}
	port, err := node[1].ToInt64()
	if err != nil {
		return sr, false
	}
	sr.addr = net.JoinHostPort(host, strconv.FormatInt(port, 10))
	if sr.first, err = fields[0].ToInt64(); err != nil {
		return sr, false
	}
	sr.last, err = fields[1].ToInt64()
	return sr, err == nil
}
