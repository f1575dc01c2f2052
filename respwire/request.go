package respwire

import (
	"math"
	"slices"
)

// Bounds of one request; they are Valkey's.
const (
	BulkBytesMax   = 512 << 20 // one argument
	ArgsMax        = 1 << 20   // arguments of one request
	InlineBytesMax = 64 << 10  // an inline request, and any line that holds a length

	// What a client may send before it has signed in.
	StrangerArgsMax = 10
	StrangerBulkMax = 16 << 10
)

// ProtocolError is a request that cannot be understood. Its text is what a Valkey server says before it closes.
type ProtocolError string

// Error returns the text after "ERR ".
func (e ProtocolError) Error() string { return "Protocol error: " + string(e) }

// Parser reads requests, arrays and inline ones, as they arrive. It keeps positions only, never bytes: whoever feeds it
// keeps a request's bytes together until Next has returned it. The zero Parser is ready to use.
type Parser struct {
	// Stranger holds the client to the bounds of one that has not signed in.
	Stranger bool

	at     int  // where reading goes on, from the start of the request
	left   int  // arguments still to come
	bulk   int  // length of the argument that comes now; valid while inBulk
	inBulk bool // its header was read
	array  bool // the array header was read
	args   []span
}

// span is where an argument lies in its request.
type span struct{ start, end uint32 }

// spansKept is how many positions a Parser keeps between requests.
const spansKept = 1 << 10

// Reset forgets a half-read request.
func (p *Parser) Reset() {
	spans := p.args[:0]
	if cap(spans) > spansKept {
		spans = nil
	}
	*p = Parser{Stranger: p.Stranger, args: spans}
}

// Next reads one request from the front of in, which begins where the last complete request ended. It appends the
// arguments to args, as slices of in, and returns how many bytes the request took. n is 0 while the request is not
// complete: call again with more bytes behind the same ones. An empty request (a bare line end, an array of none)
// takes bytes and has no arguments.
func (p *Parser) Next(in []byte, args [][]byte) (out [][]byte, n int, err error) {
	if len(in) == 0 {
		return args, 0, nil
	}
	if !p.array && in[0] != '*' {
		return p.inline(in, args)
	}
	if err := p.multi(in); err != nil {
		return args, 0, err
	}
	if !p.array || p.left > 0 {
		return args, 0, nil
	}
	n = p.at
	return p.Finish(in, args), n, nil
}

// Pending describes the argument that is arriving: the arguments before it that are complete, its length, and where in
// the request it begins. ok is false where none has begun. A reader may then make room for all of it at once, or read
// it elsewhere.
func (p *Parser) Pending() (done, size, start int, ok bool) {
	return len(p.args), p.bulk, p.at, p.inBulk
}

// Left returns how many arguments of the request are still to come, the pending one included.
func (p *Parser) Left() int { return p.left }

// Arg returns complete argument i of the half-read request that in holds.
func (p *Parser) Arg(in []byte, i int) []byte { return in[p.args[i].start:p.args[i].end] }

// Finish ends a half-read request whose last argument, the pending one, was read elsewhere: it appends the arguments
// before it, and the parser is ready for the request that follows.
func (p *Parser) Finish(in []byte, args [][]byte) [][]byte {
	args = slices.Grow(args, len(p.args))
	for _, s := range p.args {
		args = append(args, in[s.start:s.end:s.end])
	}
	p.Reset()
	return args
}

func (p *Parser) multi(in []byte) error {
	if !p.array {
		n, next, err := p.length(in, 0, "invalid multibulk length", "too big mbulk count string")
		if err != nil || next == 0 {
			return err
		}
		if n > ArgsMax {
			return ProtocolError("invalid multibulk length")
		}
		if n > StrangerArgsMax && p.Stranger {
			return ProtocolError("unauthenticated multibulk length")
		}
		p.at, p.left, p.array = next, max(0, int(n)), true
	}
	for p.left > 0 {
		if ok, err := p.argument(in); !ok || err != nil {
			return err
		}
	}
	return nil
}

// argument reads the argument at p.at, and reports whether all of it was there.
func (p *Parser) argument(in []byte) (bool, error) {
	if !p.inBulk {
		if p.at >= len(in) {
			return false, nil
		}
		n, next, err := p.bulkHeader(in)
		if err != nil || next == 0 {
			return false, err
		}
		p.bulk, p.at, p.inBulk = n, next, true
	}
	end := p.at + p.bulk
	if len(in) < end+2 {
		return false, nil
	}
	if end > math.MaxUint32 {
		return false, ProtocolError("too big request")
	}
	p.args = append(p.args, span{uint32(p.at), uint32(end)})
	p.at, p.inBulk = end+2, false
	p.left--
	return true, nil
}

func (p *Parser) bulkHeader(in []byte) (size, next int, err error) {
	// The common case: "$" and one or two digits.
	if b := in[p.at:]; len(b) >= 4 && b[0] == '$' && b[1]-'0' <= 9 {
		switch {
		case b[2] == '\r':
			return int(b[1] - '0'), p.at + 4, nil
		case b[2]-'0' <= 9 && len(b) >= 5 && b[3] == '\r' && b[1] != '0':
			return int(b[1]-'0')*10 + int(b[2]-'0'), p.at + 5, nil
		}
	}
	start := p.at
	line, next := line(in, start)
	if next == 0 {
		if len(in)-start > InlineBytesMax {
			return 0, 0, ProtocolError("too big bulk count string")
		}
		return 0, 0, nil
	}
	if in[start] != '$' {
		return 0, 0, ProtocolError("expected '$', got '" + string(in[start:start+1]) + "'")
	}
	n, ok := Int(line[1:])
	if !ok || n < 0 || n > BulkBytesMax {
		return 0, 0, ProtocolError("invalid bulk length")
	}
	if n > StrangerBulkMax && p.Stranger {
		return 0, 0, ProtocolError("unauthenticated bulk length")
	}
	return int(n), next, nil
}

// length reads the number behind one type byte; next is 0 while the line is not complete.
func (p *Parser) length(in []byte, start int, invalid, tooBig string) (n int64, next int, err error) {
	line, next := line(in, start)
	if next == 0 {
		if len(in)-start > InlineBytesMax {
			return 0, 0, ProtocolError(tooBig)
		}
		return 0, 0, nil
	}
	n, ok := Int(line[1:])
	if !ok {
		return 0, 0, ProtocolError(invalid)
	}
	return n, next, nil
}

// line returns the bytes up to the next "\r", and the position behind the two bytes of the line end.
func line(in []byte, start int) (l []byte, next int) {
	for i := start; i+1 < len(in) && i-start < InlineBytesMax; i++ {
		if in[i] == '\r' {
			return in[start:i], i + 2
		}
	}
	return nil, 0
}

// Int reads a decimal number as a Valkey server does: no spaces, no plus, no leading zero.
func Int(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	digits, negative := b, b[0] == '-'
	if negative {
		digits = b[1:]
	}
	switch {
	case len(digits) == 0:
		return 0, false
	case digits[0] == '0':
		return 0, len(b) == 1
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := uint64(c - '0')
		if n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	switch {
	case negative && n <= 1<<63:
		return -int64(n), true
	case !negative && n < 1<<63:
		return int64(n), true
	}
	return 0, false
}
