package door

// flush sends what the session appended to w, and queues what the socket does not take.
func (c *Conn) flush(w *Writer) {
	if c.secure != nil {
		c.seal(w)
	}
	if len(w.B) == 0 && len(w.refs) == 0 {
		return
	}
	if c.state >= parting {
		w.segments(release)
		return
	}
	sent := 0
	if c.queued == 0 {
		var err error
		if sent, err = c.writeSocket(w); err != nil {
			c.fail()
		}
	}
	w.segments(func(p []byte, owner Releaser) {
		n := min(sent, len(p))
		sent -= n
		p = p[n:]
		if len(p) == 0 || c.state >= parting {
			release(p, owner)
			return
		}
		c.enqueue(p, owner)
	})
	if c.queued > 0 && c.until == 0 {
		c.loop.expect(c, stallMillis)
	}
}

// release gives back memory that will not be sent, or has been.
func release(_ []byte, owner Releaser) {
	if owner != nil {
		owner.Release()
	}
}

// enqueue keeps p for later; it copies what nobody holds for it, in no more memory than that needs: it may be one of many
// heads between what is held.
func (c *Conn) enqueue(p []byte, owner Releaser) {
	c.queued += len(p)
	if owner != nil {
		c.queue = append(c.queue, segment{p, owner})
		return
	}
	if n := len(c.queue); n > 0 && c.queue[n-1].owner == nil && len(p) < segmentBytes {
		last := &c.queue[n-1]
		last.p = append(last.p, p...)
		return
	}
	c.queue = append(c.queue, segment{append([]byte(nil), p...), nil})
}

// unqueue sends what is queued as far as the socket takes it, and wakes the session when all is gone.
func (c *Conn) unqueue() {
	for c.queued > 0 {
		n, err := c.writeQueue()
		if err != nil {
			c.fail()
			return
		}
		if n == 0 {
			return
		}
		c.loop.expect(c, stallMillis)
		c.queued -= n
		c.dequeue(n)
	}
	c.queue = nil
	c.until = 0
	if c.state == open {
		c.wakes.Store(true)
	}
}

// dequeue forgets n bytes of the queue, which were sent.
func (c *Conn) dequeue(n int) {
	for n > 0 {
		s := &c.queue[0]
		m := min(n, len(s.p))
		n -= m
		if s.p = s.p[m:]; len(s.p) > 0 {
			return
		}
		release(nil, s.owner)
		*s = segment{}
		c.queue = c.queue[1:]
	}
}

// fail ends a connection that can no longer be written to.
func (c *Conn) fail() {
	c.drop()
	c.gone = true
	c.state = max(c.state, parting)
}

// wind moves a connection that is ending to its end.
func (c *Conn) wind() {
	if c.state == ending && c.queued == 0 {
		c.state = parting
		if !c.gone {
			c.shutdownSocket()
			c.loop.expect(c, partingMillis)
		}
	}
	if c.state == parting && c.gone {
		c.end()
	}
}

// end closes the connection.
func (c *Conn) end() {
	c.drop()
	c.state = closed
	c.loop.remove(c)
	c.closeSocket()
	if c.session != nil {
		c.session.Closed()
	}
	c.forgetInput()
	c.session, c.filler, c.seer = nil, nil, nil
	c.server.left(c)
}
