package valkey

import (
	"context"
	"math/rand/v2"
	"net"
	"time"
	"unsafe"

	"crypto/tls"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth/respwire"
)

// unit is what is said to one server without anything in between: one command, or several in MULTI and EXEC.
type unit struct {
	batch      *respwire.Batch
	first, end int    // of batch
	slot       string // a key that decides the slot
	repeatable bool

	values  []respwire.Value // one for each command
	err     error            // of the connection
	aborted bool             // a watched key has changed
}

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
			return
		}
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
		case u.err != nil && (u.repeatable || neverSent(u.err)) && u.err != errClosed:
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

// say says units in one pipelined round trip per node, but for those that take MULTI: those go one by one, and first
// make sure of their functions, since a function that is not found there is found out too late.
func (c *connected) say(ctx context.Context, units []*unit) {
	cmds := make([]valkey.Completed, 0, len(units))
	plain := make([]*unit, 0, len(units))
	flush := func() {
		c.pipeline(ctx, cmds, plain)
		cmds, plain = cmds[:0], plain[:0]
	}
	for _, u := range units {
		u.values, u.err = u.values[:0], nil
		if u.size() == 1 && len(plain) < pipelineMax {
			cmds, plain = append(cmds, c.command(u, u.first)), append(plain, u)
			continue
		}
		flush()
		c.together(ctx, u)
	}
	flush()
}

// pipelineMax bounds how many commands wait for answers of one round trip.
const pipelineMax = 4096

func (c *connected) pipeline(ctx context.Context, cmds []valkey.Completed, units []*unit) {
	switch len(cmds) {
	case 0:
		return
	case 1:
		units[0].take(c.Do(ctx, cmds[0]))
		return
	}
	for i, res := range c.DoMulti(ctx, cmds...) {
		units[i].take(res)
	}
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

// together says a unit of several commands between MULTI and EXEC.
func (c *connected) together(ctx context.Context, u *unit) {
	u.takeExec(c.DoMulti(ctx, c.transaction(u)...))
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
