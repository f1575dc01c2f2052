package valkey

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
	"unsafe"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth/respwire"
)

// unit is what is said to one server without anything in between: one command, or several in MULTI and EXEC.
type unit struct {
	batch      *respwire.Batch
	first, end int    // of batch
	slot       string // a key that decides the slot
	repeatable bool
	way        way // of Start

	values  []respwire.Value // one for each command
	err     error            // of the connection
	aborted bool             // a watched key has changed
}

// way is how Start has a unit done.
type way uint8

const (
	wayPipe  way = iota // said on a pipe
	wayHere             // answered already, from this process's memory
	wayApart            // by DoAll
)

func (u *unit) size() int { return u.end - u.first }

// run says units, tries again what may be said again while ctx allows, and leaves values or an error in each.
func (e *Engine) run(ctx context.Context, units []*unit) {
	c, err := e.conn()
	started := time.Now()
	todo := units
	for attempt := 0; ; attempt++ {
		if err == nil {
			c.say(ctx, todo)
			e.loadWhereMissing(ctx, c, todo)
		} else {
			fail(todo, err)
		}
		todo = again(todo)
		if len(todo) == 0 || !e.pause(ctx, started, attempt) {
			e.failures.count(ctx, units)
			return
		}
		e.failures.repeated.Add(uint64(len(todo)))
		if err != nil {
			c, err = e.conn()
		}
	}
}

func fail(units []*unit, err error) {
	for _, u := range units {
		u.err = err
	}
}

// again returns the units that did not come through and may be said again.
func again(units []*unit) []*unit {
	var left []*unit
	for _, u := range units {
		switch {
		case u.err == errClosed || denied(u.err):
		case u.err != nil && (u.repeatable || neverSent(u.err)):
			left = append(left, u)
		case u.err == nil && len(u.values) > 0 && notNow(u.values[0]):
			left = append(left, u)
		}
	}
	return left
}

// The pauses between attempts double from the first to the last, each shortened by chance.
const (
	pauseFirst = 2 * time.Millisecond
	pauseLast  = 128 * time.Millisecond
)

// pause waits before the next attempt and reports whether there is time for one.
func (e *Engine) pause(ctx context.Context, started time.Time, attempt int) bool {
	d := min(pauseFirst<<min(attempt, 10), pauseLast)
	d = d/2 + rand.N(d/2)
	end, ok := ctx.Deadline()
	if !ok {
		end = started.Add(e.opts.Timeout)
	}
	if ctx.Err() != nil || time.Until(end) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// loadWhereMissing gives the functions to servers that have said that they lack them, and says those units again: a
// function that was not found has not happened.
func (e *Engine) loadWhereMissing(ctx context.Context, c *connected, units []*unit) {
	var missing []*unit
	for _, u := range units {
		if u.err == nil && anyMissing(u.values) {
			missing = append(missing, u)
		}
	}
	if len(missing) == 0 {
		return
	}
	loaded := map[uint16]bool{}
	for _, u := range missing {
		slot := slotOf([]byte(u.slot))
		if loaded[slot] || (!c.cluster && len(loaded) > 0) {
			continue
		}
		loaded[slot] = true
		if err := e.library.load(ctx, c, u.slot); err != nil {
			fail(missing, err)
			return
		}
	}
	c.say(ctx, missing)
}

// say says units in one pipelined round trip per node. Units on the same key keep their order.
func (c *connected) say(ctx context.Context, units []*unit) {
	for _, u := range units {
		u.values, u.err = u.values[:0], nil
	}
	for len(units) > 0 {
		n := min(len(units), pipelineMax)
		if c.cluster {
			c.sayBySlot(ctx, units[:n])
		} else {
			c.pipeline(ctx, units[:n])
		}
		units = units[n:]
	}
}

// pipelineMax bounds how many units wait for answers of one round trip.
const pipelineMax = 1024

// sayBySlot says units to a cluster. Those that take MULTI have to go with others of their slot alone, one slot after
// another on its way at once; all the others go together.
func (c *connected) sayBySlot(ctx context.Context, units []*unit) {
	together := map[uint16][]*unit{}
	for _, u := range units {
		if u.size() > 1 {
			together[slotOf([]byte(u.slot))] = nil
		}
	}
	if len(together) == 0 {
		c.pipeline(ctx, units)
		return
	}
	var plain []*unit
	for _, u := range units {
		slot := slotOf([]byte(u.slot))
		if us, ok := together[slot]; ok {
			together[slot] = append(us, u)
			continue
		}
		plain = append(plain, u)
	}
	work := make(chan []*unit, len(together)+1)
	for _, us := range together {
		work <- us
	}
	if len(plain) > 0 {
		work <- plain
	}
	close(work)
	var wg sync.WaitGroup
	for range min(len(work), slotsAtOnce) - 1 {
		wg.Go(func() { c.work(ctx, work) })
	}
	c.work(ctx, work)
	wg.Wait()
}

// slotsAtOnce bounds how many slots of one batch are asked at once.
const slotsAtOnce = 16

func (c *connected) work(ctx context.Context, work <-chan []*unit) {
	for units := range work {
		c.pipeline(ctx, units)
	}
}

// pipeline says units in one go: to a cluster any that do not take MULTI, or some that live in one slot.
func (c *connected) pipeline(ctx context.Context, units []*unit) {
	if len(units) == 1 && units[0].size() == 1 {
		units[0].take(c.Do(ctx, c.command(units[0], units[0].first)))
		return
	}
	var cmds []valkey.Completed
	for _, u := range units {
		cmds = append(cmds, c.commands(u)...)
	}
	results := c.DoMulti(ctx, cmds...)
	for _, u := range units {
		if u.size() == 1 {
			u.take(results[0])
			results = results[1:]
			continue
		}
		n := u.size() + 2
		u.takeExec(results[:n])
		results = results[n:]
	}
}

// commands builds all commands of a unit, with MULTI and EXEC around several.
func (c *connected) commands(u *unit) []valkey.Completed {
	if u.size() == 1 {
		return []valkey.Completed{c.command(u, u.first)}
	}
	return c.transaction(u)
}

// take keeps a result as the next value.
func (u *unit) take(res valkey.ValkeyResult) {
	if err := res.NonValkeyError(); err != nil {
		u.err = err
		return
	}
	m, _ := res.ToMessage()
	u.values = append(u.values, valueOf(&m))
}

// transaction builds the commands of a unit with MULTI and EXEC around them.
func (c *connected) transaction(u *unit) []valkey.Completed {
	cmds := make([]valkey.Completed, 0, u.size()+2)
	cmds = append(cmds, c.B().Arbitrary("MULTI").Build())
	for i := u.first; i < u.end; i++ {
		cmds = append(cmds, c.command(u, i))
	}
	return append(cmds, c.B().Arbitrary("EXEC").Build())
}

// takeExec keeps what EXEC returned, or the first error of what led to it.
func (u *unit) takeExec(results []valkey.ValkeyResult) {
	for _, res := range results {
		if err := res.NonValkeyError(); err != nil {
			u.err = err
			return
		}
	}
	last, _ := results[len(results)-1].ToMessage()
	v := valueOf(&last)
	if u.aborted = v.Null; u.aborted {
		return
	}
	if !v.IsError() {
		u.values = append(u.values, v.Array...)
		return
	}
	for _, res := range results {
		m, _ := res.ToMessage()
		if first := valueOf(&m); first.IsError() {
			v = first
			break
		}
	}
	for range u.size() {
		u.values = append(u.values, v)
	}
}

// command builds command i of a unit's batch. It copies the arguments: the client may still be writing them when it
// has given up waiting for the answer.
func (c *connected) command(u *unit, i int) valkey.Completed {
	args := u.batch.At(i)
	call := isCall(args)
	n := len(c.library)
	for _, a := range args {
		n += len(a)
	}
	all := make([]byte, 0, n)
	var few [8]string
	strs := few[:0]
	for j, a := range args {
		start := len(all)
		all = append(all, a...)
		if call && j == 1 {
			all = append(all, c.library...)
		}
		strs = append(strs, text(all[start:]))
	}
	return c.B().Arbitrary(strs...).Build().SetSlot(u.slot)
}

// text shows bytes that do not change any more as a string.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// dialSocket connects to a server on this machine by its socket's path.
func dialSocket(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return d.DialContext(ctx, "unix", path)
}

// dialTLS connects to a server that should speak TLS. One that does not, waits for the rest of what it takes for a command.
func dialTLS(ctx context.Context, addr string, d *net.Dialer, config *tls.Config) (net.Conn, error) {
	conn, err := (&tls.Dialer{NetDialer: d, Config: config}).DialContext(ctx, "tcp", addr)
	var toConnect *net.OpError
	if err != nil && !errors.As(err, &toConnect) && errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("%s takes connections but does not answer TLS: is it a port without it? %w", addr, err)
	}
	return conn, err
}
