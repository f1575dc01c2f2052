package h2

import "encoding/binary"

func (c *conn) onSettings(f *frame) error {
	switch {
	case f.id != 0:
		return fail(codeProtocol, "SETTINGS on a stream")
	case f.flags&flagAck != 0 && len(f.payload) > 0:
		return fail(codeFrameSize, "SETTINGS acknowledged with settings")
	case f.flags&flagAck != 0:
		return nil
	case len(f.payload)%6 != 0:
		return fail(codeFrameSize, "SETTINGS of an odd size")
	}
	if err := c.nuisance(); err != nil {
		return err
	}
	initial := c.initial
	for p := f.payload; len(p) > 0; p = p[6:] {
		id, value := binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])
		if err := c.setting(id, value); err != nil {
			return err
		}
		if id == settingWindow {
			initial = int64(value)
		}
	}
	if err := c.resizeWindows(initial); err != nil { // once, since each time visits every stream
		return err
	}
	c.out.B = appendHead(c.out.B, 0, frameSettings, flagAck, 0)
	return nil
}

// setting obeys one setting. We never fill the peer's decoding table, but where it makes that smaller than it was, the
// next header block has to acknowledge it (RFC 7541, 4.2).
func (c *conn) setting(id uint16, value uint32) error {
	switch id {
	case settingTableSize:
		if value < tableBytesMax && !c.shrunk {
			c.shrunk, c.shrinks = true, true
		}
	case settingPush:
		if value > 1 {
			return fail(codeProtocol, "SETTINGS_ENABLE_PUSH is neither 0 nor 1")
		}
	case settingWindow:
		if value > windowMax {
			return fail(codeFlow, "SETTINGS_INITIAL_WINDOW_SIZE is too large")
		}
	case settingFrameSize:
		if value < frameBytesMax || value > 1<<24-1 {
			return fail(codeProtocol, "SETTINGS_MAX_FRAME_SIZE is out of range")
		}
		c.frameMax = int(value)
	}
	return nil
}

// resizeWindows changes what may be sent on every stream; the sum may be negative for a while.
func (c *conn) resizeWindows(initial int64) error {
	diff := initial - c.initial
	c.initial = initial
	if c.streams.count == 0 || diff == 0 {
		return nil
	}
	for _, st := range c.streams.all() {
		st.credit += diff
		if st.credit > windowMax {
			return fail(codeFlow, "SETTINGS_INITIAL_WINDOW_SIZE makes a window too large")
		}
		st.list()
	}
	return nil
}

func (c *conn) onPing(f *frame) error {
	switch {
	case f.id != 0:
		return fail(codeProtocol, "PING on a stream")
	case len(f.payload) != 8:
		return fail(codeFrameSize, "PING of another size than 8")
	case f.flags&flagAck != 0:
		if c.warned && string(f.payload) == drainPing {
			c.leave()
		}
		return nil
	}
	c.out.B = append(appendHead(c.out.B, 8, framePing, flagAck, 0), f.payload...)
	if c.pinged != c.sent {
		c.pinged = c.sent // clients measure their bandwidth with a PING for what they receive
		return nil
	}
	return c.nuisance()
}

func (c *conn) onGoAway(f *frame) error {
	switch {
	case f.id != 0:
		return fail(codeProtocol, "GOAWAY on a stream")
	case len(f.payload) < 8:
		return fail(codeFrameSize, "GOAWAY is too short")
	}
	return c.nuisance() // the peer may well go on with the streams that it has
}

func (c *conn) onPriority(f *frame) error {
	switch {
	case f.id == 0:
		return fail(codeProtocol, "PRIORITY on no stream")
	case len(f.payload) != 5:
		c.reset(f.id, codeFrameSize)
	case binary.BigEndian.Uint32(f.payload)&windowMax == f.id:
		c.reset(f.id, codeProtocol)
	}
	return c.nuisance()
}

func (c *conn) onWindow(f *frame) error {
	if len(f.payload) != 4 {
		return fail(codeFrameSize, "WINDOW_UPDATE of another size than 4")
	}
	n := int64(binary.BigEndian.Uint32(f.payload) & windowMax)
	if f.id == 0 {
		c.credit += n
		if n == 0 || c.credit > windowMax {
			return fail(windowFault(n), "WINDOW_UPDATE is out of range")
		}
		return nil
	}
	if c.idle(f.id) {
		return fail(codeProtocol, "WINDOW_UPDATE on an idle stream")
	}
	st := c.streams.get(f.id)
	if st == nil {
		return c.nuisance() // it may have crossed the end of the stream
	}
	st.credit += n
	if n == 0 || st.credit > windowMax {
		c.reset(f.id, windowFault(n))
		return nil
	}
	st.list()
	return nil
}

// idle reports whether a stream was never opened.
func (c *conn) idle(id uint32) bool { return id%2 == 0 || id > c.lastID && !c.leaving }

func windowFault(n int64) code {
	if n == 0 {
		return codeProtocol
	}
	return codeFlow
}

func (c *conn) onReset(f *frame) error {
	switch {
	case len(f.payload) != 4:
		return fail(codeFrameSize, "RST_STREAM of another size than 4")
	case f.id == 0 || c.idle(f.id):
		return fail(codeProtocol, "RST_STREAM on an idle stream")
	}
	st := c.streams.get(f.id)
	if st == nil {
		return c.nuisance()
	}
	c.remove(st)
	c.resets++
	if c.resets > ResetsMax && c.tooOften() {
		return fail(codeCalm, "too many streams are reset")
	}
	return nil
}

// reset ends a stream with an error.
func (c *conn) reset(id uint32, why code) {
	c.out.B = appendReset(c.out.B, id, why)
	if st := c.streams.get(id); st != nil {
		st.remote = true
		c.remove(st)
		c.recent[c.newest].our = true
	}
}
