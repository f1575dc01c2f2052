package h2

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/door"
)

// conn is one HTTP/2 connection: the door.Session of it. All of it but the part that says so belongs to the loop.
type conn struct {
	server *Server
	door   *door.Conn
	out    *door.Writer // of the method under way
	local  any          // what the gRPC handler keeps here
	fields decoder
	path   string  // of the last call
	spare  *stream // free ones, within a turn
	lent   Memory  // of the message that ServeCall has been given

	last        *head // the last header whose block has not changed the table
	lastBlock   []byte
	lastChanges uint32 // of the table

	greeted  bool // the preface has come
	settled  bool // and the first SETTINGS
	rests    bool // frames wait until other connections have had their turns
	leaving  bool // the peer was told that no further stream is taken
	warned   bool // and before that, that this will be so
	shrunk   bool // the peer's decoding table is smaller than the protocol's default
	shrinks  bool // and our next header block says so
	lastID   uint32
	block    []byte // a header block that goes on in CONTINUATION frames
	blockID  uint32
	blockEnd bool
	blockLen int // frames

	streams  table
	handlers int // goroutines of http.Handlers
	recent   [64]recent
	newest   int

	window   int   // what the peer may still send
	unsaid   int   // what it may send besides, without knowing it yet
	credit   int64 // what we may send
	initial  int64 // what we may send on a new stream
	frameMax int
	sending  []*stream    // have something to send that a window allows
	hungry   []*stream    // streams of responses that had no room
	copied   int          // of them, those that are the connection's own memory
	owed     int          // of these, those that the server counts
	held     int          // bytes that wait in streams
	deferred []*stream    // calls that wait until less is held
	partial  int          // bytes of unfinished messages
	charged  int          // of them, those that the server counts
	bodies   atomic.Int64 // bytes of bodies that handlers collect
	granted  int          // bytes of large messages that may come
	asking   []*stream    // streams with a large message that may not yet

	sent, pinged      uint64 // DATA frames until now, and until the newest PING
	nuisances, resets int
	since             time.Time

	heard []*stream // room for the next news

	mu   sync.Mutex // guards the rest
	news []*stream  // streams that other goroutines have something for
	dead bool
}

// recent remembers a stream that has ended.
type recent struct {
	id  uint32
	our bool // we ended it before the peer had
}

// failure is an error that ends the connection with a GOAWAY.
type failure struct {
	code code
	why  string
}

// Error says what the peer did wrong.
func (f failure) Error() string { return f.why }

func fail(c code, why string) error { return failure{c, why} }

// Feed implements door.Session.
func (c *conn) Feed(in []byte, out *door.Writer) (used int, err error) {
	c.out, c.rests = out, false
	used, err = c.frames(in)
	if err = c.finish(err); err == nil && c.rests {
		err = door.ErrMore
	}
	return used, err
}

// finish ends a turn: what became possible is sent. An error is told to the peer.
func (c *conn) finish(err error) error {
	if err == nil {
		err = c.settleTurn()
	}
	if f, ok := errors.AsType[failure](err); ok {
		c.out.B = appendGoAway(c.out.B, c.lastID, f.code, f.why)
		err = io.EOF
	}
	c.out = nil
	c.share()
	return err
}

// settleTurn does what is done once for all frames of a turn.
func (c *conn) settleTurn() error {
	c.push()
	if c.unsaid >= ConnWindowBytes/2 {
		c.out.B = appendWindow(c.out.B, 0, uint32(c.unsaid))
		c.window += c.unsaid
		c.unsaid = 0
	}
	if c.leaving && c.streams.count == 0 && c.handlers == 0 {
		return io.EOF
	}
	return nil
}

// frames handles every complete frame of in.
func (c *conn) frames(in []byte) (used int, err error) {
	if !c.greeted {
		n := min(len(in), len(preface))
		if string(in[:n]) != preface[:n] {
			return 0, fail(codeProtocol, "not an HTTP/2 connection preface")
		}
		if n < len(preface) {
			return 0, nil
		}
		c.greeted = true
		used = n
	}
	for len(in)-used >= frameHeadBytes && !c.rests {
		f, size := parseHead(in[used:])
		if size > frameBytesMax {
			return used, fail(codeFrameSize, "a frame is larger than SETTINGS_MAX_FRAME_SIZE")
		}
		if len(in)-used < frameHeadBytes+size {
			break
		}
		used += frameHeadBytes
		f.payload = in[used : used+size : used+size]
		used += size
		if err := c.frame(&f); err != nil {
			return used, err
		}
		c.rests = f.flags&flagEndStream != 0 && f.kind == frameData && c.out.Enough()
	}
	return used, nil
}

// frame handles one frame.
func (c *conn) frame(f *frame) error {
	if !c.settled {
		if f.kind != frameSettings || f.flags&flagAck != 0 {
			return fail(codeProtocol, "the first frame is not SETTINGS")
		}
		c.settled = true
	}
	if c.blockID != 0 && (f.kind != frameContinuation || f.id != c.blockID) {
		return fail(codeProtocol, "a header block is interrupted")
	}
	switch f.kind {
	case frameData:
		return c.onData(f)
	case frameHeaders:
		return c.onHeaders(f)
	case framePriority:
		return c.onPriority(f)
	case frameReset:
		return c.onReset(f)
	case frameSettings:
		return c.onSettings(f)
	case framePush:
		return fail(codeProtocol, "a client must not push")
	case framePing:
		return c.onPing(f)
	case frameGoAway:
		return c.onGoAway(f)
	case frameWindow:
		return c.onWindow(f)
	case frameContinuation:
		return c.onContinuation(f)
	}
	return c.nuisance() // unknown frames are ignored
}

// Woken implements door.Session.
func (c *conn) Woken(out *door.Writer) error {
	c.out = out
	c.mu.Lock()
	news := c.news
	c.news = c.heard
	c.mu.Unlock()
	for _, st := range news {
		if st.resumer != nil {
			st.goOn()
			continue
		}
		st.shared.noted.Store(false)
		if st.http != nil {
			st.http.retire()
		}
		if !st.closed {
			st.attend()
		}
	}
	clear(news)
	if c.heard = news[:0]; cap(news) > newsKept {
		c.heard = nil
	}
	return c.finish(nil)
}

// Drain implements door.Session: the peer learns that no new streams are wanted; those that cross this are still
// answered, until it has answered the PING that follows.
func (c *conn) Drain(out *door.Writer) error {
	c.out = out
	if !c.greeted {
		return c.finish(io.EOF)
	}
	c.warned = true
	out.B = appendGoAway(out.B, windowMax, codeNone, "")
	out.B = append(appendHead(out.B, len(drainPing), framePing, 0, 0), drainPing...)
	return c.finish(nil)
}

// drainPing is what the PING after the first GOAWAY carries.
const drainPing = "draining"

// leave tells the peer which streams will still be answered. Streams of responses end here, since they would not by
// themselves; their clients take them up again elsewhere.
func (c *conn) leave() {
	if c.leaving {
		return
	}
	c.leaving = true
	c.out.B = appendGoAway(c.out.B, c.lastID, codeNone, "")
	for _, st := range c.streams.all() {
		if st.pump != nil && !st.finished {
			st.Finish(Status{Code: grpcUnavailable, Message: "the server is shutting down"})
		}
	}
}

// Closed implements door.Session.
func (c *conn) Closed() {
	c.mu.Lock()
	c.dead = true
	news := c.news
	c.news = nil
	c.mu.Unlock()
	c.asking = nil // what a stream gives back is of no use to the others, and there is nothing to write to
	for _, st := range c.streams.all() {
		c.remove(st)
	}
	for _, st := range news {
		if st.resumer != nil {
			st.goOn()
		}
	}
	if g, ok := c.local.(Goner); ok {
		g.Gone()
	}
}

// nuisance counts a frame that costs us more than the peer.
func (c *conn) nuisance() error {
	c.nuisances++
	if c.nuisances > NuisanceMax && c.tooOften() {
		return fail(codeCalm, "too many control frames")
	}
	return nil
}

// tooOften reports whether the bound that was just passed was so within NuisanceTime; if not, counting begins anew.
func (c *conn) tooOften() bool {
	now := time.Now()
	if now.Sub(c.since) < NuisanceTime {
		return true
	}
	c.since = now
	c.nuisances, c.resets = 0, 0
	return false
}
