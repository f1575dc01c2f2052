// Package h2 serves HTTP/2 for unary and server-streaming gRPC calls, and gives every other stream to an http.Handler.
// It knows frames, streams and gRPC's framing, but no message, no command and no tenant.
package h2

import (
	"context"
	"net/netip"

	"github.com/hearthcache/hearth/door"
)

// Handler answers gRPC calls. ServeCall runs on the goroutine that read the request and must never wait: it finishes
// the call, or detaches it, or keeps it open as a stream, and returns.
type Handler interface{ ServeCall(c Call) }

// Placer is a Handler that has a better place than the heap for some large messages, such as the memory of an item that
// a message is going to become.
type Placer interface {
	Handler
	// Place is shown the beginning of a call's message that is still arriving, and returns memory of room bytes for it
	// and the prefix before it. With later it asks to be shown more of the message; without memory the message is
	// gathered on the heap. A Status that is not OK ends the call.
	Place(c Call, head []byte, room int) (m Memory, later bool, s Status)
}

// Memory is a place for a message. It is released when the call does not need it any more.
type Memory interface {
	Bytes() []byte
	door.Releaser
}

// Goner is what a handler keeps with a connection and that wants to know of its end.
type Goner interface{ Gone() }

// Call is one gRPC call with one request message, as its handler sees it.
type Call interface {
	// Method returns the path: "/package.Service/Method".
	Method() string
	// Header returns the first value of a request header by its lower-case name, nil if there is none. It is borrowed
	// like Message.
	Header(name string) []byte
	// Message returns the request message, decompressed. It is borrowed until ServeCall returns, or until Finish if
	// the call was detached or is a stream.
	Message() []byte
	// Memory returns what Place gave for the message, nil if it is elsewhere; it is borrowed like Message.
	Memory() Memory
	// Local returns a place for what the handler keeps with the connection, such as its Callers. It is used only
	// within ServeCall and Place; where it is a Goner, it is told when the connection has ended.
	Local() *any

	// Begin returns a buffer to append one response message to; End takes it back, grown, and queues the message.
	Begin() []byte
	End(b []byte)
	// Finish ends the call with a status; nothing may be called after it.
	Finish(s Status)

	// Detach keeps the call open after ServeCall returns: it copies what was borrowed, and the returned context ends
	// with the call's deadline, its cancellation or its connection. Begin, End and Finish may then be called from one
	// other goroutine, which the handler starts.
	Detach() context.Context
	// Stream keeps the call open as a stream of responses. pump is called after each Wake, and when the peer has made
	// room, by one goroutine at a time for the whole connection; it sends while Room is positive, or calls Finish.
	// closed is called once, when the call has ended for whatever reason.
	Stream(pump func(), closed func())
	// Wake asks for a call of pump. It never waits, may be called from anywhere, and is coalesced.
	Wake()
	// Room returns how many bytes may still be queued before the stream has to wait for its reader.
	Room() int
}

// Suspender is a Call that can wait for something that comes by itself, as all of package h2's can: it needs no goroutine, and is
// answered by the connection's loop.
type Suspender interface {
	Call
	// Suspend keeps the call open after ServeCall returns. Of the message and the header, the handler copies what it needs
	// until then. A handler that has suspended a call for nothing may detach it still.
	Suspend(r Resumer)
	// Resume tells that what the call waits for is there. It is called once after Suspend, from anywhere, and never waits.
	Resume()
}

// Resumer answers a call that was suspended.
type Resumer interface {
	// Resumed is called once after Resume. Where live, it runs as ServeCall does: it finishes the call or detaches it. Otherwise the
	// call has ended meanwhile and must not be used any more; that is told from any goroutine.
	Resumed(live bool)
}

// Peered is a Call that knows where it comes from, for permissions that are bound to networks.
type Peered interface{ Peer() netip.Addr }

// Referrer is a Call that can send a large part of a message without copying it, as all of package h2's can.
type Referrer interface {
	Call
	// EndWith is End for a message that goes on, after b, with value. owner is released once value was sent, or will
	// not be. The length of a field that value belongs to stands in b.
	EndWith(b, value []byte, owner door.Releaser)
}

// Status is how a call ends. The zero Status is OK.
type Status struct {
	Code    uint32 // a gRPC status code
	Message string
	Err     string // the trailer "err", which Momento's clients read; empty for none
}
