package valkey

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/hearthcache/hearth/respwire"
)

// pipe is one connection to one server, on which commands are said by whoever comes and answered in their order.
// Nobody waits for it: commands gather until flush, and one goroutine reads the answers. When it breaks, it stays
// broken; commands that it has not answered go the way of those that it never took.
type pipe struct {
	engine  *Engine
	addr    string
	conn    net.Conn
	raw     syscall.RawConn // nil where bytes do not go to the socket as they are (TLS)
	timeout time.Duration   // how long the server may be silent while it owes answers

	// The reader's own.
	in    []byte
	mine  []asked // taken from asked, and how many of them are answered
	taken int
	one   [1]respwire.Value

	mu      sync.Mutex // guards the rest
	out     []byte     // gathered
	spare   []byte
	asked   []asked // gathered or sent, not yet taken by the reader
	unsent  int     // how many of the last ones were not sent
	owed    int     // answers
	writing bool
	retired bool // ends when nothing is owed
	err     error
}

// asked is a command that waits for its answer.
type asked struct {
	by   *started // nil of what is said besides, whose answer tells nothing
	i    int      // which of its commands
	exec bool     // its answer is that of EXEC
	part bool     // it is the first of two that need no EXEC
}

const (
	pipeOutBytesMax = 4 << 20   // gathered for one server; what comes then goes another way
	pipeOwedMax     = 64 << 10  // answers owed by one server
	pipeBytesKept   = 256 << 10 // of a buffer that has grown
	pipeBytes       = 32 << 10

	greetingBytesMax = 16 << 10
)

var errPipeRetired = errors.New("the server is not in the cluster any more")

// dial connects to a server and makes it ready for commands.
func (e *Engine) dial(addr string) (*pipe, error) {
	conn, err := Dial(e.opts, addr)
	if err != nil {
		return nil, err
	}
	p := &pipe{engine: e, addr: addr, conn: conn, timeout: e.opts.Timeout}
	if c, ok := conn.(syscall.Conn); ok {
		p.raw, _ = c.SyscallConn()
	}
	return p, nil
}

// Dial connects to a server, signs in, and has it answer in RESP3.
func Dial(o Options, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	network := "tcp"
	if addr[0] == '/' {
		network = "unix"
	}
	conn, err := d.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	if o.TLS != nil {
		config := o.TLS.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(addr)
		}
		conn = tls.Client(conn, config)
	}
	if o.Timeout == 0 {
		o.Timeout = timeoutDefault
	}
	if err := greet(conn, o); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// greet says who is here and that answers come in RESP3.
func greet(conn net.Conn, o Options) error {
	args := [][]byte{[]byte("HELLO"), []byte("3")}
	if o.Password != "" {
		user := o.Username
		if user == "" {
			user = "default"
		}
		args = append(args, []byte("AUTH"), []byte(user), []byte(o.Password))
	}
	args = append(args, []byte("SETNAME"), []byte("hearth"))
	_ = conn.SetDeadline(time.Now().Add(o.Timeout))
	if _, err := conn.Write(respwire.AppendRequest(nil, args...)); err != nil {
		return err
	}
	in := make([]byte, 0, greetingBytesMax)
	for len(in) < cap(in) {
		n, err := conn.Read(in[len(in):cap(in)])
		if err != nil {
			return err
		}
		in = in[:len(in)+n]
		v, _, err := respwire.Decode(in)
		if err == respwire.ErrShort {
			continue
		}
		if err == nil {
			err = v.Err()
		}
		_ = conn.SetDeadline(time.Time{})
		return err
	}
	return errors.New("the server's greeting is too long")
}

// say gathers units first to end, with MULTI and EXEC around one of several commands. suffix is what ends the names of functions. It returns how many of
// them the pipe takes; a nil pipe takes none.
func (p *pipe) say(units []unit, first, end int, suffix string, by *started) int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		p.out = make([]byte, 0, pipeBytes)
	}
	for i := first; i < end; i++ {
		if p.err != nil || p.retired || len(p.out) > pipeOutBytesMax || p.owed >= pipeOwedMax {
			return i - first
		}
		before := len(p.asked)
		p.gather(&units[i], suffix, asked{by: by, i: i})
		n := len(p.asked) - before
		if p.owed == 0 {
			_ = p.conn.SetReadDeadline(time.Now().Add(p.timeout))
		}
		p.owed += n
		p.unsent += n
	}
	return end - first
}

// gather appends what a unit says, and who waits for each answer.
func (p *pipe) gather(u *unit, suffix string, a asked) {
	if _, apart := a.by.os[a.i].(*taking); apart && u.size() == 2 {
		p.out = appendCommand(appendCommand(p.out, u.batch.At(u.first), suffix), u.batch.At(u.first+1), suffix)
		p.asked = append(p.asked, asked{by: a.by, i: a.i, part: true}, a)
		return
	}
	if a.exec = u.size() > 1; a.exec {
		p.out = append(p.out, "*1\r\n$5\r\nMULTI\r\n"...)
		p.asked = append(p.asked, asked{})
	}
	for i := u.first; i < u.end; i++ {
		p.out = appendCommand(p.out, u.batch.At(i), suffix)
		if a.exec {
			p.asked = append(p.asked, asked{})
		}
	}
	if a.exec {
		p.out = append(p.out, "*1\r\n$4\r\nEXEC\r\n"...)
	}
	p.asked = append(p.asked, a)
}

func appendCommand(dst []byte, args [][]byte, suffix string) []byte {
	call := isCall(args)
	dst = respwire.AppendArray(dst, len(args))
	for i, arg := range args {
		if call && i == 1 {
			dst = respwire.AppendBulkHeader(dst, len(arg)+len(suffix))
			dst = append(append(append(dst, arg...), suffix...), "\r\n"...)
			continue
		}
		dst = respwire.AppendBulk(dst, arg)
	}
	return dst
}

// flush sends what was gathered, as far as the socket takes it; a goroutine sends the rest.
func (p *pipe) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writing || len(p.out) == 0 || p.err != nil {
		return
	}
	p.writing = true
	for len(p.out) > 0 && p.err == nil {
		b := p.take()
		p.mu.Unlock()
		n, err := p.writeNow(b)
		p.mu.Lock()
		switch {
		case err != nil:
			_ = p.conn.Close() // the reader notices, and tells everybody
		case n < len(b):
			go p.write(b[n:])
			return
		}
		p.give(b)
	}
	p.writing = false
}

// take returns what was gathered. It counts as sent from now on, even if it never arrives.
func (p *pipe) take() []byte {
	b := p.out
	p.out, p.spare, p.unsent = p.spare[:0], nil, 0
	return b
}

// give gives back a buffer.
func (p *pipe) give(b []byte) {
	if p.spare == nil && cap(b) <= pipeBytesKept {
		p.spare = b[:0]
	}
}

// writeNow writes what the socket has room for.
func (p *pipe) writeNow(b []byte) (n int, err error) {
	if p.raw == nil {
		return 0, nil
	}
	e := p.raw.Write(func(fd uintptr) bool {
		n, err = syscall.Write(int(fd), b)
		return true
	})
	switch {
	case e != nil:
		return 0, e
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return 0, nil
	}
	return max(n, 0), err
}

// write writes b and what is gathered meanwhile, waiting for the server.
func (p *pipe) write(b []byte) {
	for len(b) > 0 {
		_ = p.conn.SetWriteDeadline(time.Now().Add(p.timeout))
		if _, err := p.conn.Write(b); err != nil {
			_ = p.conn.Close()
			return // writing stays true: nothing more is sent
		}
		p.mu.Lock()
		p.give(b)
		if b = p.take(); len(b) == 0 {
			p.writing = false
		}
		p.mu.Unlock()
	}
}

// read takes answers until the connection ends, and then says so to whoever waits for one.
func (p *pipe) read() {
	p.in = make([]byte, 0, pipeBytes)
	var x respwire.Extent
	var err error
	for err == nil {
		if len(p.in) == cap(p.in) {
			p.in = append(make([]byte, 0, 2*cap(p.in)), p.in...)
		}
		var n int
		if n, err = p.conn.Read(p.in[len(p.in):cap(p.in)]); err != nil {
			break
		}
		p.in = p.in[:len(p.in)+n]
		err = p.answer(&x)
		p.engine.Flush() // what those who were answered have started
	}
	_ = p.conn.Close()
	p.fail(err)
	p.engine.Flush()
}

// answer hands out the complete answers that have arrived.
func (p *pipe) answer(x *respwire.Extent) error {
	rest, answered := p.in, 0
	var by *started // whose commands were answered last
	done := 0       // and how many of them
	var err error
	for len(rest) > 0 {
		var v respwire.Value
		var n int
		if v, n, err = decodeWhole(x, rest); n == 0 {
			break
		}
		rest = rest[n:]
		if v.Type == '>' || v.Type == '|' {
			continue // nobody has asked
		}
		a, ok := p.next()
		if !ok {
			err = errors.New("the server has answered what nobody has asked")
			break
		}
		if answered++; a.by == nil {
			continue // EXEC says what became of it
		}
		if a.by != by {
			by.ended(done)
			by, done = a.by, 0
		}
		if p.heard(a, plain(v)) {
			done++
		}
	}
	by.ended(done)
	if err != nil {
		return err
	}
	p.keep(rest)
	return p.settle(answered)
}

// heard gives a command its answer, and reports whether it is done.
func (p *pipe) heard(a asked, v respwire.Value) bool {
	switch {
	case a.part:
		a.by.os[a.i].(*taking).hear(v)
		return false
	case !a.exec:
		p.one[0] = v
		return a.by.answered(a.i, p.one[:])
	case v.Type != '*': // none of it has happened, perhaps since the slot has moved
		a.by.engine.pipes.look(a.by.engine)
		a.by.postpone(a.i)
		return false
	case anyMissing(v.Array):
		a.by.postpone(a.i)
		return false
	}
	return a.by.answered(a.i, v.Array)
}

// decodeWhole decodes the reply at the front of in; n is 0 while it is not complete.
func decodeWhole(x *respwire.Extent, in []byte) (v respwire.Value, n int, err error) {
	switch in[0] {
	case '$', '+', ':', '_': // whose end Decode finds as easily
		if v, n, err = respwire.Decode(in); err == respwire.ErrShort {
			return v, 0, nil
		}
		return v, n, err
	}
	if whole, err := x.Whole(in); err != nil || !whole {
		return v, 0, err
	}
	return respwire.Decode(in)
}

// next returns the command that the next answer is for.
func (p *pipe) next() (asked, bool) {
	if p.taken == len(p.mine) {
		clear(p.mine)
		p.mu.Lock()
		p.mine, p.asked = p.asked, p.mine[:0]
		p.mu.Unlock()
		if p.taken = 0; len(p.mine) == 0 {
			return asked{}, false
		}
	}
	a := p.mine[p.taken]
	p.taken++
	return a, true
}

// keep leaves what has not arrived completely at the front of the buffer.
func (p *pipe) keep(rest []byte) {
	if cap(p.in) > pipeBytesKept && len(rest) <= pipeBytes {
		p.in = append(make([]byte, 0, pipeBytes), rest...)
		return
	}
	p.in = p.in[:copy(p.in, rest)]
}

// settle notes that answers have come. The server has time again for the next, or for ever where it owes none.
func (p *pipe) settle(answered int) error {
	if answered == 0 {
		return nil // half an answer is no reason for patience
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owed -= answered
	end := time.Time{}
	if p.owed > 0 {
		end = time.Now().Add(p.timeout)
	}
	_ = p.conn.SetReadDeadline(end)
	if p.retired && p.owed == 0 {
		return errPipeRetired
	}
	return nil
}

// retire ends the pipe once nothing is owed.
func (p *pipe) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired = true; p.owed == 0 {
		_ = p.conn.Close()
	}
}

// broken reports whether the pipe takes no more commands.
func (p *pipe) broken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err != nil || p.retired
}

// fail tells everybody who waits for an answer that none will come.
func (p *pipe) fail(err error) {
	p.mu.Lock()
	p.err = err
	left := append(append([]asked{}, p.mine[p.taken:]...), p.asked...)
	unsent := p.unsent
	p.mine, p.asked, p.out, p.spare, p.in = nil, nil, nil, nil, nil
	p.mu.Unlock()
	for i, a := range left {
		if a.by == nil || a.part {
			continue
		}
		a.by.unanswered(a.i, i >= len(left)-unsent, err)
	}
}

// plain shows a value as valueOf does: one type for text, one for lists, one for nothing.
func plain(v respwire.Value) respwire.Value {
	switch v.Type {
	case '+', '=', '(':
		v.Type = '$'
	case '~', '*':
		v.Type = '*'
		for i := range v.Array {
			v.Array[i] = plain(v.Array[i])
		}
	case '%':
		for i := range v.Array {
			v.Array[i] = plain(v.Array[i])
		}
	}
	if v.Null {
		return respwire.Value{Type: '_', Null: true}
	}
	return v
}
