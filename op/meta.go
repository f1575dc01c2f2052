package op

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// fingerprintBits are as many as a number of every client holds: Java's are signed, those of JavaScript and PHP may be floating.
const fingerprintBits = 53

// Fingerprint is what memcached's clients get as an item's CAS: 53 bits of a hash of its flags and its value, never 0. An
// item that has changed and changed back has the same one.
func Fingerprint(flags uint32, v []byte) uint64 {
	h := sha1.New()
	var b [sha1.Size]byte
	h.Write(binary.BigEndian.AppendUint32(b[:0], flags))
	h.Write(v)
	return max(1, binary.BigEndian.Uint64(h.Sum(b[:0]))>>(64-fingerprintBits))
}

// Guard is a condition on an item's fingerprint: it holds of any item unless Given.
type Guard struct {
	Given bool
	CAS   uint64
}

func (g Guard) holds(e *value.Entry, v []byte) bool {
	return !g.Given || g.CAS == Fingerprint(e.Attrs().Flags, v)
}

// detached is embedded in commands on attributes of items, which a server has no words for.
type detached struct{}

// Detached implements Detached.
func (detached) Detached() {}

// Send says nothing: an engine over servers applies the command to what it fetches.
func (detached) Send(*respwire.Batch, []byte) {}

// Recv implements Op.
func (detached) Recv([]respwire.Value, *Reply) error { return errDetached }

var errDetached = errors.New("op: a command that a server has no words for was said to one")

// told puts what memcached's clients may ask of an item into the reply: its attributes and, as Int, how many
// milliseconds it has to live, -1 for ever.
func told(e *value.Entry, now int64, r *Reply) {
	r.Attrs, r.Int = e.Attrs(), -1
	r.Attrs.Tags = bytes.Clone(r.Attrs.Tags)
	if e.Expiry() != 0 {
		r.Int = e.Expiry() - now
	}
}
