// Package door is what the doors share: it listens, bounds connections, speaks TLS, reads and writes sockets on a few
// event loops, and drains. It knows bytes and connections, and nothing of any protocol that runs over them.
package door

import (
	"errors"
)

// Protocol is one way of talking. It opens a Session for each connection.
type Protocol interface {
	// Open begins the session of a connection. What it appends to out is sent first.
	Open(c *Conn, out *Writer) Session
}

// Session is a protocol's state of one connection. Its methods are called by one goroutine at a time, which serves many
// connections, so they never wait: a request that has to wait gets a goroutine of its own, which leaves its answer with
// the session and calls Conn.Wake.
//
// An error that a method returns ends the connection: what is in out is still sent, then the socket is closed. io.EOF
// is the orderly end. ErrWait and ErrMore end nothing.
type Session interface {
	// Feed runs every complete request in in, in order, and appends the answers to out, all of which are sent at once.
	// It returns how many bytes it has used up; the rest comes again with more behind it, so a session that waits for
	// much takes what there is and keeps it. in is borrowed until Feed returns. With ErrWait, Feed is not called
	// again, and nothing more is read, before Woken has been called. With ErrMore, Feed is called again with what is
	// left once the other connections have had their turns.
	Feed(in []byte, out *Writer) (used int, err error)
	// Woken is called after Conn.Wake, and when a peer that had been slow to read has taken what was queued. If it
	// returns ErrWait the session is still waiting; else Feed is called with what was left of the input.
	Woken(out *Writer) error
	// Drain is called once when the server wants to stop. It says so to the peer where the protocol can, and returns
	// io.EOF if nothing is under way; else a later Feed or Woken does.
	Drain(out *Writer) error
	// Closed is called once, last, when the connection has ended for whatever reason.
	Closed()
}

// Filler is a Session that takes the bytes of a large value straight into their final place.
type Filler interface {
	Session
	// Fill returns where the next bytes go, as many as fit; empty for the ordinary way through Feed. It is asked after
	// each Feed, Filled and Woken.
	Fill() []byte
	// Filled says that n bytes were put there.
	Filled(n int, out *Writer) error
}

// Foreseer is a Session that gains by seeing its input before Feed is given it, while there is time: between what others
// have sent.
type Foreseer interface {
	Session
	// Foresee shows what Feed will be given next, unless the connection ends first. It is called twice, again the second
	// time, with the calls for other connections between them. Nothing that it does may be seen outside.
	Foresee(in []byte, again bool)
}

// Presser is a Session that answers in order, and wants to know while it waits that the peer has sent more.
type Presser interface {
	Session
	// Pressed is called between the methods of Session, any number of times.
	Pressed()
}

// Greeter is a Protocol that shares its port with HTTP/1.1: a connection that begins otherwise than the protocol's own
// is given to the Server's HTTP handler.
type Greeter interface {
	Protocol
	// Greeting returns the bytes that every connection of the protocol begins with.
	Greeting() string
}

// Refuser is a Protocol that can tell a connection beyond the limit why it is closed.
type Refuser interface {
	Protocol
	// Refusal returns what is sent before such a connection is closed.
	Refusal() []byte
}

// Releaser is memory that others may use again once it was sent: a *value.Block.
type Releaser interface{ Release() }

var (
	// ErrWait is what Feed and Woken return when the session can take no further input before it is woken.
	ErrWait = errors.New("the session waits to be woken")
	// ErrMore is what Feed returns when it leaves complete requests for a later turn, since this one was long enough:
	// see Writer.Enough.
	ErrMore = errors.New("the session has more to run in its next turn")
)

// ended reports whether err ends a connection.
func ended(err error) bool { return err != nil && err != ErrWait && err != ErrMore }
