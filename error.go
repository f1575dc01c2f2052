// Package hearth holds the words that every other package uses: kinds of errors, limits, rules for names, and Space.
// It knows nothing of protocols, storage or commands.
package hearth

import "errors"

// Kind says what went wrong in a way that every door can translate to its own protocol.
type Kind uint8

// The kinds of errors. Internal is the zero Kind: an error that nobody classified shows nothing of itself.
const (
	Internal        Kind = iota
	Invalid              // the request is malformed or an argument is out of its range
	Unauthenticated      // no credential, or one that is malformed, unknown, revoked or expired
	Denied               // the credential does not permit this
	NoCache              // the cache does not exist
	NotFound             // something else that was named does not exist (a key, a role, a webhook; at an origin, an item)
	Exists               // what should be created exists already
	WrongType            // the item is of another type than the command works on
	Precondition         // the item cannot be used this way (not a number, overflow)
	Limited              // a limit was reached; Error.Limit says which
	Unavailable          // hearth or something behind it cannot answer now; the caller may try again
	Timeout              // the caller's deadline passed
	Canceled             // the caller went away
	Unimplemented        // hearth does not offer this
	CrossSlot            // keys of one command live in different slots of the cluster
	KindCount            // the number of kinds, for tables and their tests
)

// Limit says which limit a Limited error is about.
type Limit uint8

// The limits that clients can tell apart.
const (
	OtherLimit      Limit = iota
	RequestRate           // operations per second
	Throughput            // bytes per second
	RequestSize           // one request, key and value
	ItemSize              // one item, after the write
	ElementSize           // one element of a collection
	Subscriptions         // subscriptions on one cache
	ConnectionLimit       // connections of one cache or of the process
	MemoryLimit           // memory of one cache or of the process
)

// Error is an error with a Kind. Msg may be shown to the client; Err is for the log.
type Error struct {
	Kind  Kind
	Limit Limit // set when Kind is Limited
	Msg   string
	Err   error
}

// Error returns what may be shown, and the cause when there is one; doors show Msg alone.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, Internal if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
