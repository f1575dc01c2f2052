package resp

// doLarge runs a command that is too large for its loop.
func (c *conn) doLarge(args [][]byte) {
	if !c.enterLarge() {
		return
	}
	defer c.leaveLarge()
	r := c.admit(args)
	switch {
	case r == nil:
		return
	case c.multi != nil && r.flags&now == 0:
		c.queue(r, args)
		return
	case r.run != nil:
		c.answer(func() { r.run(c, args) })
		return
	}
	c.fresh = true
	defer func() { c.fresh = false }()
	o, err := r.parse(c, args)
	if err != nil {
		if wait := c.misspelt(r, args, err); wait != nil {
			wait()
		}
		return
	}
	c.reply.Reset()
	err = c.door.Gateway.Do(c.ctx, c.caller, o, &c.reply)
	if c.missesDefault(err) {
		if err = c.makeDefault(); err == nil {
			c.reply.Reset()
			err = c.door.Gateway.Do(c.ctx, c.caller, o, &c.reply)
		}
	}
	c.finish(r, args, &c.reply, err)
}

// enterLarge waits until something large may be run: a few commands and transactions of all connections at a time. So what
// they need beside their arguments, which are counted, is bounded, and processors are left to others. It returns false where
// the connection has ended.
func (c *conn) enterLarge() bool {
	select {
	case c.door.large <- struct{}{}:
		return true
	case <-c.ctx.Done():
		return false
	}
}

func (c *conn) leaveLarge() { <-c.door.large }

// hold takes n bytes of the budget for what this connection has begun; false when there are not so many. A negative n gives
// some back.
func (c *conn) hold(n int) bool {
	if !c.door.Budget.Take(n, c.held) {
		return false
	}
	c.held += n
	return true
}

// yield gives back n bytes of the budget.
func (c *conn) yield(n int) { c.hold(-n) }
