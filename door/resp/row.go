package resp

import (
	"strings"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// row is one command as clients spell it. Its numbers are what COMMAND reports. Exactly one of run, parse and subs says
// what happens: run answers by itself; parse turns the arguments into an op, whose reply encode turns into bytes; subs
// has the subcommands, whose names are the second argument.
type row struct {
	name  string
	arity int // as COMMAND has it: negative is "at least"
	flags flag
	first int // position of the first key; 0 for none
	last  int // position of the last key; negative counts from the end
	step  int

	check  func(args [][]byte) string // what is wrong with the arguments, found before MULTI queues them; "" is nothing
	run    func(c *conn, args [][]byte)
	parse  func(c *conn, args [][]byte) (op.Op, error)
	encode func(c *conn, args [][]byte, r *op.Reply)
	subs   []row
	keys   func(args [][]byte) [][]byte // where first, last and step do not tell

	stores  bool                         // the first key is only written to
	looks   []value.Kind                 // see looking
	missing func(c *conn, args [][]byte) // see looking
}

// flag says what a command is like, in COMMAND's words.
type flag uint16

const (
	write    flag = 1 << iota // may change items
	readonly                  // reads items
	fast                      // takes constant or logarithmic time
	denyoom                   // may need memory
	admin                     // about the server
	pubsub                    // about topics; allowed to a RESP 2 subscriber
	noAuth                    // allowed before signing in
	noMulti                   // not allowed in a transaction
	loading                   // allowed at any time
	stale
	movable // keys stand where the other arguments say
	inSub   // allowed to a RESP 2 subscriber
	now     // runs at once inside a transaction
	waits   // may have to wait, so it gets a goroutine
	hidden  // not in COMMAND
)

// words are COMMAND's names of the flags that it shows.
var words = []struct {
	flag flag
	word string
}{
	{write, "write"}, {readonly, "readonly"}, {denyoom, "denyoom"}, {admin, "admin"}, {pubsub, "pubsub"},
	{loading, "loading"}, {stale, "stale"}, {fast, "fast"}, {noAuth, "no_auth"}, {movable, "movablekeys"}, {noMulti, "no_multi"},
}

// table finds rows by name.
type table struct {
	rows   []row // in the order of the families
	byName map[string]*row
}

func newTable(families ...[]row) *table {
	t := &table{byName: map[string]*row{}}
	for _, f := range families {
		t.rows = append(t.rows, f...)
	}
	for i := range t.rows {
		t.byName[t.rows[i].name] = &t.rows[i]
	}
	return t
}

// nameBytesMax is longer than any command's name.
const nameBytesMax = 32

// find returns the row of a name in any case, nil if there is none.
func (t *table) find(name []byte) *row {
	var upper [nameBytesMax]byte
	if len(name) > len(upper) {
		return nil
	}
	for i, b := range name {
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		upper[i] = b
	}
	return t.byName[string(upper[:len(name)])]
}

// sub returns the row of a subcommand, nil if there is none.
func (r *row) sub(name []byte) *row {
	for i := range r.subs {
		if is(name, r.subs[i].name) {
			return &r.subs[i]
		}
	}
	return nil
}

// takes reports whether the command can have n arguments, its name included.
func (r *row) takes(n int) bool {
	return (r.arity >= 0 && n == r.arity) || (r.arity < 0 && n >= -r.arity)
}

// is reports whether an argument is a word, in any case. The word is in capitals or has no letters.
func is(arg []byte, word string) bool {
	if len(arg) != len(word) {
		return false
	}
	for i, b := range arg {
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		if b != word[i] {
			return false
		}
	}
	return true
}

// keyArgs returns the keys among the arguments of a command.
func (r *row) keyArgs(args [][]byte) [][]byte {
	if r.keys != nil {
		return r.keys(args)
	}
	if r.first == 0 {
		return nil
	}
	last := r.last
	if last < 0 {
		last += len(args)
	}
	var keys [][]byte
	for i := r.first; i <= last && i < len(args); i += max(r.step, 1) {
		keys = append(keys, args[i])
	}
	return keys
}

// say is an error in a Valkey server's own words, its code first.
type say string

func (s say) Error() string { return string(s) }

// The errors that several commands share.
const (
	errSyntax   = say("ERR syntax error")
	errNotInt   = say("ERR value is not an integer or out of range")
	errNotFloat = say("ERR value is not a valid float")
	errMinMax   = say("ERR min or max is not a float")
	errLexRange = say("ERR min or max not valid string range item")
	errPositive = say("ERR value is out of range, must be positive")
	errNoKey    = say("ERR no such key")
)

// lower is the name of a command in error texts.
func lower(s string) string { return strings.ToLower(s) }

func upper(s string) string { return strings.ToUpper(s) }

// integer reads an argument that has to be an integer.
func integer(arg []byte) (int64, error) {
	n, ok := respwire.Int(arg)
	if !ok {
		return 0, errNotInt
	}
	return n, nil
}
