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
	whole := len(w.refs) == 0 && cap(w.B) > writerBytesKept
	w.segments(func(p []byte, owner Releaser) {
		n := min(sent, len(p))
		sent -= n
		p = p[n:]
		if len(p) == 0 || c.state >= parting {
			release(p, owner)
			return
		}
		c.enqueue(p, owner, whole)
	})
	if c.copied > 0 && !c.settle() {
		c.fail() // as a client is dropped whose output buffer is full
	}
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
// heads between what is held. The whole of a Writer's buffer that is not used again is kept as it is.
func (c *Conn) enqueue(p []byte, owner Releaser, whole bool) {
	c.queued += len(p)
	if owner != nil {
		c.queue = append(c.queue, segment{p: p, owner: owner})
		return
	}
	if n := len(c.queue); n > 0 && c.queue[n-1].owner == nil && len(p) < segmentBytes {
		last := &c.queue[n-1]
		last.p = append(last.p, p...)
		c.copied += cap(last.p) - last.room
		last.room = cap(last.p)
		return
	}
	room := cap(p)
	if !whole || len(p) < room/2 {
		p = append([]byte(nil), p...)
		room = cap(p)
	}
	c.queue = append(c.queue, segment{p: p, room: room})
	c.copied += room
}

// settle counts what the connection keeps of answers in the server's budget, and reports whether there was room.
func (c *Conn) settle() bool {
	owed := max(0, c.copied-QueueBytesLow)
	owed -= owed % QueueBytesLow
	if owed != c.owed && !c.server.Answers.Take(owed-c.owed, c.owed) {
		return false
	}
	c.owed = owed
	return true
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
		c.settle()
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
		c.copied -= s.room
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
