package valkey

import (
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
)

// ear is a connection to one server, on which it tells of the channels that are followed. A topic is read on the same
// connection, behind the command that subscribes: so what is heard after the answer is newer, and nothing is between.
type ear struct {
	broker *Broker
	addr   string
	feeds  map[string]*feed // guarded by Broker.mu
	wake   chan struct{}    // tells the writer that there is something to write

	mu     sync.Mutex // guards the rest; taken while Broker.mu is held
	conn   net.Conn   // nil until it is there
	out    []byte
	asked  []asked // that the server has not answered
	closed bool
}

// asked is a command on an ear.
type asked struct {
	what what
	feed *feed
}

type what uint8

const (
	subscribing what = iota
	unsubscribing
	reading
	other
)

const (
	pingEvery    = time.Second
	silenceMax   = 4 * time.Second         // a server that says nothing for so long is not there
	readEvery    = hearth.TopicIdleMax / 4 // followed topics are read, so that they are kept
	earBytes     = 16 << 10
	earBytesKept = 256 << 10
)

var errEarClosed = errors.New("closed here")

// newEar returns an ear that connects.
func newEar(b *Broker, addr string) *ear {
	e := &ear{broker: b, addr: addr, feeds: map[string]*feed{}, wake: make(chan struct{}, 1)}
	e.loadScript()
	go e.run()
	return e
}

func (e *ear) loadScript() { e.say(other, nil, []byte("SCRIPT"), []byte("LOAD"), []byte(readText)) }

func (e *ear) run() {
	err := e.listen()
	e.close()
	e.broker.fell(e, err)
}

// close ends the connection; the reader notices.
func (e *ear) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.conn != nil {
		_ = e.conn.Close()
	}
	e.ring()
}

// heard reports whether there ever was a connection.
func (e *ear) heard() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.conn != nil
}

func (e *ear) ring() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *ear) say(w what, f *feed, args ...[]byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out = respwire.AppendRequest(e.out, args...)
	e.asked = append(e.asked, asked{w, f})
	e.ring()
}

// subscribe has the server tell of a feed's channel, and reads its topic. Broker.mu is held, as for the next two.
func (e *ear) subscribe(f *feed) {
	e.feeds[f.channel] = f
	e.say(subscribing, f, []byte("SSUBSCRIBE"), []byte(f.channel))
	e.read(f)
}

// read brings a feed up to date.
func (e *ear) read(f *feed) {
	if f.topic != "" {
		e.say(reading, f, f.readArgs(e.broker.script.read)...)
	}
}

func (e *ear) unsubscribe(f *feed) {
	delete(e.feeds, f.channel)
	e.say(unsubscribing, f, []byte("SUNSUBSCRIBE"), []byte(f.channel))
}

// listen connects and takes what the server says until the connection ends.
func (e *ear) listen() error {
	conn, err := e.broker.o.Dial(e.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	e.mu.Lock()
	e.conn = conn
	closed := e.closed
	e.mu.Unlock()
	if closed {
		return errEarClosed
	}
	go e.write(conn)
	in := make([]byte, 0, earBytes)
	var x respwire.Extent
	for {
		if len(in) == cap(in) {
			in = append(make([]byte, 0, 2*cap(in)), in...)
		}
		_ = conn.SetReadDeadline(time.Now().Add(silenceMax))
		n, err := conn.Read(in[len(in):cap(in)])
		if err != nil {
			return err
		}
		in = in[:len(in)+n]
		rest := in
		for len(rest) > 0 {
			whole, err := x.Whole(rest)
			if err != nil {
				return err
			}
			if !whole {
				break
			}
			v, n, err := respwire.Decode(rest)
			if err != nil {
				return err
			}
			if err := e.take(v); err != nil {
				return err
			}
			rest = rest[n:]
		}
		if cap(in) > earBytesKept && len(rest) <= earBytes {
			in = append(make([]byte, 0, earBytes), rest...)
		} else {
			in = in[:copy(in, rest)]
		}
	}
}

// write sends what is to be said, and looks after the connection every second: whether the server is there, whether
// anybody still needs it, and whether topics have to be read so that they are kept.
func (e *ear) write(conn net.Conn) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	readAt := time.Now().Add(readEvery)
	for {
		select {
		case <-e.wake:
		case now := <-tick.C:
			if e.unused() {
				e.close()
				return
			}
			if now.After(readAt) {
				readAt = now.Add(readEvery)
				e.readAll()
			}
			e.say(other, nil, []byte("PING"))
		}
		e.mu.Lock()
		out, closed := e.out, e.closed
		e.out = nil
		e.mu.Unlock()
		if closed {
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(silenceMax))
		if _, err := conn.Write(out); err != nil {
			e.close()
			return
		}
	}
}

// unused reports whether nothing is followed here, and has new feeds get another ear then.
func (e *ear) unused() bool {
	b := e.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(e.feeds) > 0 {
		return false
	}
	if b.ears[e.addr] == e {
		delete(b.ears, e.addr)
	}
	return true
}

func (e *ear) readAll() {
	e.broker.mu.Lock()
	defer e.broker.mu.Unlock()
	for _, f := range e.feeds {
		e.read(f)
	}
}

// take takes one thing that the server has said.
func (e *ear) take(v respwire.Value) error {
	if v.Type == '>' {
		return e.push(v)
	}
	a, err := e.answered()
	if err != nil {
		return err
	}
	if v.IsError() {
		return e.refused(a, string(v.Str))
	}
	if a.what == reading {
		e.broker.took(e, a.feed, v)
	}
	return nil
}

// push takes a message, or the answer to a command that subscribes.
func (e *ear) push(v respwire.Value) error {
	if len(v.Array) < 3 {
		return nil
	}
	channel := v.Array[1].Str
	switch string(v.Array[0].Str) {
	case "smessage":
		e.broker.hear(e, channel, v.Array[2].Str)
	case "ssubscribe":
		a, err := e.answered()
		if err != nil {
			return err
		}
		e.broker.subscribed(e, a.feed)
	case "sunsubscribe":
		e.mu.Lock()
		mine := len(e.asked) > 0 && e.asked[0].what == unsubscribing && e.asked[0].feed.channel == string(channel)
		if mine {
			e.asked = e.asked[1:]
		}
		e.mu.Unlock()
		if !mine {
			e.broker.moved(e, channel)
		}
	}
	return nil
}

// answered returns the command that the server answers now.
func (e *ear) answered() (asked, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.asked) == 0 {
		return asked{}, errors.New("the server has answered what nobody has asked")
	}
	a := e.asked[0]
	e.asked = e.asked[1:]
	return a, nil
}

// refused takes an error: the feed is tried again, on another server where the slot has moved.
func (e *ear) refused(a asked, said string) error {
	b := e.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case a.what == other:
		return errors.New(said)
	case a.what == unsubscribing:
		return nil
	case a.what == reading && strings.HasPrefix(said, "NOSCRIPT"):
		e.loadScript()
		if a.feed.ear == e {
			e.read(a.feed)
		}
		return nil
	case !passes(said):
		b.o.Log.Error("the servers of topics refuse", "addr", e.addr, "err", said)
	}
	if a.what == reading && !strings.HasPrefix(said, "MOVED") && a.feed.ear == e {
		e.unsubscribe(a.feed) // it was subscribed to
	}
	b.lost(e, a.feed)
	return nil
}
