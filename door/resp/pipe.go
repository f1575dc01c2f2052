package resp

import "github.com/hearthcache/hearth/engine"

// pipe is what is known of requests that came together, before the first of them is run.
type pipe struct {
	args     [][]byte // of all requests, one after another
	requests []piped
	keys     [][]byte
}

// piped is one request of a pipe.
type piped struct {
	args  int // where its arguments end
	bytes int
}

// pipelined runs the request at the front of in, whose n bytes are in c.args, and those that came whole behind it. The
// engine hears of all keys first: fetching what lies in memory for one request goes on while another is run.
func (c *conn) pipelined(in []byte, n int) (used int, more bool) {
	p := c.door.pipes.Get().(*pipe)
	defer func() {
		p.forget()
		c.door.pipes.Put(p)
	}()
	p.read(c, in, n)
	if len(p.keys) > 1 {
		c.door.Gateway.Warm(c.caller, p.keys, engine.WarmPaths)
		c.door.Gateway.Warm(c.caller, p.keys, engine.WarmItems)
	}
	first := 0
	for i, r := range p.requests {
		if i > 0 && !c.ready() {
			break
		}
		var took int
		took, more = c.request(p.args[first:r.args], in[used:], r.bytes)
		used, first = used+took, r.args
		if !more {
			break
		}
	}
	return used, more
}

// Foresee implements door.Foreseer: the engine hears of the first request's key. Requests that came together on one
// connection are pipelined's.
func (c *conn) Foresee(in []byte, again bool) {
	step := engine.WarmItems
	if !again {
		step = engine.WarmPaths
		c.args = c.args[:0]
		if c.caller == nil || c.big != nil {
			return
		}
		args, n, err := c.parser.Next(in, c.args)
		if err != nil || n < len(in) {
			c.parser.Reset()
			return
		}
		c.args = args
	}
	if len(c.args) > 1 {
		c.door.Gateway.Warm(c.caller, c.args[1:2], step)
	}
}

// read finds the requests at the front of in. What is wrong or incomplete is left to be found again.
func (p *pipe) read(c *conn, in []byte, n int) {
	p.args = append(p.args, c.args...)
	p.add(n)
	for at := n; at < len(in) && len(p.requests) < engine.WarmMax; {
		args, n, err := c.parser.Next(in[at:], p.args)
		if err != nil || n == 0 {
			c.parser.Reset()
			return
		}
		p.args = args
		p.add(n)
		at += n
	}
}

// add notes a request of n bytes whose arguments are the last in p. Its first argument is taken for a key: most are.
func (p *pipe) add(n int) {
	first := 0
	if len(p.requests) > 0 {
		first = p.requests[len(p.requests)-1].args
	}
	if len(p.args)-first > 1 {
		p.keys = append(p.keys, p.args[first+1])
	}
	p.requests = append(p.requests, piped{len(p.args), n})
}

// forget makes p ready for other requests; it keeps no memory that unusual ones needed.
func (p *pipe) forget() {
	clear(p.args)
	clear(p.keys)
	p.args, p.requests, p.keys = p.args[:0], p.requests[:0], p.keys[:0]
	if cap(p.args) > argsKept {
		p.args = nil
	}
}
