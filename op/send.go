package op

import (
	"math"
	"strconv"

	"github.com/hearthcache/hearth/respwire"
)

func lit(s string) []byte { return []byte(s) }

func num(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

func flag(b bool) []byte {
	if b {
		return []byte("1")
	}
	return []byte("0")
}

// score spells a number so that a server reads the same bits back.
func score(f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return []byte("+inf")
	case math.IsInf(f, -1):
		return []byte("-inf")
	}
	return strconv.AppendFloat(nil, f, 'g', 17, 64)
}

// arg spells an expiry for the functions of the server: 0 is never, + relative, @ absolute, = as it was.
func (x Expiry) arg(keep bool) []byte {
	switch {
	case keep:
		return []byte("=")
	case x.At != 0:
		return append([]byte{'@'}, num(x.At)...)
	case x.TTL != 0:
		return append([]byte{'+'}, num(x.TTL)...)
	}
	return []byte("0")
}

// send gives the item of a key the expiry.
func (x Expiry) send(b *respwire.Batch, key []byte) {
	switch {
	case x.At != 0:
		b.Command("PEXPIREAT", key, num(x.At))
	case x.TTL != 0:
		b.Command("PEXPIRE", key, num(x.TTL))
	default:
		b.Command("PERSIST", key)
	}
}

// sendWrite says a command that writes to a collection and gives a new one its expiry, or any where refresh is true.
func sendWrite(b *respwire.Batch, name string, key []byte, x Expiry, refresh bool, args [][]byte) {
	if x == (Expiry{}) && !refresh && len(args) > 0 {
		b.Command(name, key, args...)
		return
	}
	b.Function("hearth_write", key, append([][]byte{lit(name), x.arg(false), flag(refresh)}, args...)...)
}

// sendSome says a command on elements of a collection, or, where there are none, its length, to learn of a wrong type.
func sendSome(b *respwire.Batch, name, length string, key []byte, args [][]byte) {
	if len(args) == 0 {
		b.Command(length, key)
		return
	}
	b.Command(name, key, args...)
}

// sizes is what a Sizer says of elements.
func sizes(vs [][]byte) (total, largest int) {
	for _, v := range vs {
		total, largest = total+len(v), max(largest, len(v))
	}
	return total, largest
}
