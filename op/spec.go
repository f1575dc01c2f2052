package op

import (
	"errors"

	"github.com/hearthcache/hearth/value"
)

// ID numbers the commands: the index in All. Metering counts by it.
type ID uint8

// Access says what a command needs of a credential.
type Access uint8

// What a command does. A command that Writes and Reveals, or is Conditional, needs both permissions. How long an item is,
// and whether it was there, is not what is stored: a push, a removal and a SADD tell it to those who may only write, as
// Valkey's permissions on keys have it.
const (
	Reads       Access = 1 << iota // returns what is stored
	Writes                         // may change what is stored
	Reveals                        // a write whose result tells what was stored
	Conditional                    // a write that may happen only under a condition on what is stored; see Asker
)

// Spec is what policy and accounting know of a command.
type Spec struct {
	ID         ID
	Name       string // in the words of the RPC or, where there is none, of the Redis command
	Access     Access
	Kind       value.Kind // of the item it works on; None for any
	Repeatable bool       // doing it twice is doing it once: it may be tried again after a failure
	Board      bool       // it works on leaderboards, which live in a second space of their cache
}

// Writes reports whether the command may change what is stored.
func (s *Spec) Writes() bool { return s.Access&Writes != 0 }

var errMulti = errors.New("op: a command over several keys was run on one entry")
