package door

import (
	"net"
	"sync"
	"sync/atomic"
)

// Limits bounds connections: those of the process, and those of each cache, which only a session knows. The zero
// Limits allows ConnectionsMax.
type Limits struct {
	// Max is how many connections there may be at once; 0 is ConnectionsMax.
	Max int64

	count atomic.Int64

	mu     sync.Mutex // guards the rest
	caches map[string]int
}

// Count returns the number of connections there are.
func (l *Limits) Count() int64 { return l.count.Load() }

func (l *Limits) enter() bool {
	most := l.Max
	if most == 0 {
		most = ConnectionsMax
	}
	if l.count.Add(1) > most {
		l.count.Add(-1)
		return false
	}
	return true
}

func (l *Limits) leave() { l.count.Add(-1) }

// Claim counts a connection against the limit of a cache, and reports whether there was room. Disclaim gives it back.
func (l *Limits) Claim(cache string, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.caches[cache] >= most {
		return false
	}
	if l.caches == nil {
		l.caches = map[string]int{}
	}
	l.caches[cache]++
	return true
}

// Disclaim undoes one Claim.
func (l *Limits) Disclaim(cache string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.caches[cache]--; l.caches[cache] <= 0 {
		delete(l.caches, cache)
	}
}

// counted is a connection that has left the loops and still counts.
type counted struct {
	net.Conn
	limits *Limits
	once   sync.Once
}

// Close closes the connection, and makes room for another.
func (c *counted) Close() error {
	c.once.Do(c.limits.leave)
	return c.Conn.Close()
}
