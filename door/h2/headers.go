package h2

import (
	"bytes"
	"encoding/binary"
)

func (c *conn) onHeaders(f *frame) error {
	if f.id == 0 || f.id%2 == 0 {
		return fail(codeProtocol, "HEADERS on a stream that a client cannot open")
	}
	if !f.unpad() {
		return fail(codeProtocol, "padding is longer than its frame")
	}
	own := false
	if f.flags&flagPriority != 0 {
		if len(f.payload) < 5 {
			return fail(codeFrameSize, "HEADERS is too short")
		}
		own = binary.BigEndian.Uint32(f.payload)&windowMax == f.id
		f.payload = f.payload[5:]
	}
	if own {
		return fail(codeProtocol, "a stream depends on itself")
	}
	end := f.flags&flagEndStream != 0
	if f.flags&flagEndHeaders != 0 {
		return c.onBlock(f.id, end, f.payload)
	}
	c.blockID, c.blockEnd, c.blockLen = f.id, end, 1
	c.block = append(c.block[:0], f.payload...)
	return nil
}

func (c *conn) onContinuation(f *frame) error {
	if c.blockID == 0 {
		return fail(codeProtocol, "CONTINUATION without HEADERS")
	}
	c.blockLen++
	if c.blockLen > ContinuationsMax || len(c.block)+len(f.payload) > HeaderBytesMax {
		return fail(codeCalm, "a header block is too long")
	}
	c.block = append(c.block, f.payload...)
	if f.flags&flagEndHeaders == 0 {
		return nil
	}
	id, block := c.blockID, c.block
	c.blockID, c.block = 0, nil
	return c.onBlock(id, c.blockEnd, block)
}

// onBlock handles a complete header block: it opens a stream, or is its trailer. Whatever becomes of it, it is decoded,
// since the table of later ones depends on it.
func (c *conn) onBlock(id uint32, end bool, block []byte) error {
	h, err := c.header(block)
	if err != nil {
		return err
	}
	if st := c.streams.get(id); st != nil {
		c.onTrailer(st, end, h)
		c.release(h)
		return nil
	}
	switch {
	case id <= c.lastID:
		err = c.onLate(id)
	case c.leaving:
		// It was opened before the peer read our GOAWAY, which says that it will not be answered.
	default:
		c.lastID = id
		if h.tooLarge {
			c.refuseHead(id, end)
			break
		}
		if why := c.refusal(h); why != codeNone {
			c.reset(id, why)
			err = c.countReset()
			break
		}
		c.open(id, end, h)
		return nil
	}
	c.release(h)
	return err
}

// header returns what a block says. Clients mostly repeat themselves: the same block means the same as long as the
// compression's table is the same, so the last header is kept.
func (c *conn) header(block []byte) (*head, error) {
	if c.last != nil && c.lastChanges == c.fields.changes && bytes.Equal(block, c.lastBlock) {
		c.last.uses++
		return c.last, nil
	}
	h, _ := c.server.heads.Get().(*head)
	if h == nil {
		h = &head{text: make([]byte, 0, 256), fields: make([]field, 0, 12)}
	}
	h.reset()
	h.uses = 1
	changes := c.fields.changes
	if err := c.decode(h, block); err != nil {
		return nil, err
	}
	if changes == c.fields.changes && len(block) <= lastBlockMax && len(h.text) <= headBytesKept && !h.tooLarge {
		if c.last != nil {
			c.release(c.last)
		}
		h.uses++
		c.last, c.lastChanges = h, changes
		c.lastBlock = append(c.lastBlock[:0], block...)
	}
	return h, nil
}

// release gives up one use of a header.
func (c *conn) release(h *head) {
	if h.uses--; h.uses == 0 && cap(h.text) <= headBytesKept {
		c.server.heads.Put(h)
	}
}

// refusal says why a stream is not opened.
func (c *conn) refusal(h *head) code {
	switch {
	case c.streams.count >= StreamsMax:
		return codeRefused
	case h.check() != "":
		return codeProtocol
	}
	return codeNone
}

// decode undoes the compression of a block.
func (c *conn) decode(h *head, block []byte) error {
	d := &c.fields
	for d.begin(block); d.more(); {
		name, value, clean, err := d.next()
		if err != nil {
			return fail(codeCompression, err.Error())
		}
		if name == nil {
			break
		}
		h.add(name, value, clean)
		if h.size > 16*HeaderBytesMax {
			return fail(codeCalm, "a header is too large")
		}
	}
	return nil
}

// onTrailer handles a header block on an open stream.
func (c *conn) onTrailer(st *stream, end bool, h *head) {
	switch {
	case st.remote:
		c.reset(st.id, codeClosed)
	case !end, h.broken != "", h.method != nil, h.path != nil, h.scheme != nil, h.authority != nil:
		c.reset(st.id, codeProtocol)
	default:
		if st.http != nil {
			st.http.trailer(h)
		}
		c.endRequest(st)
	}
}

// onLate handles a header block on a stream that has been.
func (c *conn) onLate(id uint32) error {
	known, our := c.remembers(id)
	switch {
	case our:
		return c.countReset()
	case known:
		return fail(codeClosed, "HEADERS on a closed stream")
	}
	return fail(codeProtocol, "a stream is opened out of order")
}

// refuseHead answers a request whose header is too large.
func (c *conn) refuseHead(id uint32, end bool) {
	c.sendBlock(id, appendField(nil, ":status", "431"), true)
	if !end {
		c.out.B = appendReset(c.out.B, id, codeNone)
	}
	c.remember(id, true)
}

// countReset counts a stream that came to nothing.
func (c *conn) countReset() error {
	c.resets++
	if c.resets > ResetsMax && c.tooOften() {
		return fail(codeCalm, "too many streams fail")
	}
	return nil
}
