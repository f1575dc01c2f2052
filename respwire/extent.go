package respwire

import (
	"bytes"
	"math"
)

// Extent finds out whether a reply that arrives in pieces has arrived completely, looking at each byte once: Decode
// would begin again with each piece. The zero Extent is ready for a reply.
type Extent struct {
	begun bool
	open  int // values that are not complete yet
	at    int // where the next one begins; it may be beyond what has arrived
}

// Whole reports whether a complete reply stands at the front of in. Until it does, the next call must bring the same
// bytes and more behind them; then the Extent is reset. It says nothing of whether Decode will like the reply.
func (x *Extent) Whole(in []byte) (bool, error) {
	if !x.begun {
		x.begun, x.open = true, 1
	}
	for x.open > 0 && x.at < len(in) {
		rest := in[x.at:]
		end := bytes.Index(rest, []byte("\r\n"))
		if end < 0 {
			return false, nil
		}
		if end == 0 {
			return false, errMalformed
		}
		inside, skip, err := within(rest[0], rest[1:end])
		if err != nil {
			return false, err
		}
		if inside > math.MaxInt-x.open {
			return false, errMalformed
		}
		x.open += inside - 1
		x.at += end + len("\r\n") + skip
	}
	if x.open > 0 || x.at > len(in) {
		return false, nil
	}
	*x = Extent{}
	return true, nil
}

// within returns how many values and how many bytes belong to a value whose header is kind and text.
func within(kind byte, text []byte) (values, size int, err error) {
	switch kind {
	case '$', '=', '!', '*', '~', '>', '%', '|':
	default:
		return 0, 0, nil
	}
	n, ok := Int(text)
	switch {
	case !ok || n < -1 || n > math.MaxInt32:
		return 0, 0, errMalformed
	case n == -1:
		return 0, 0, nil
	case kind == '$' || kind == '=' || kind == '!':
		return 0, int(n) + len("\r\n"), nil
	case kind == '%' || kind == '|':
		n *= 2
	}
	return int(n), 0, nil
}
