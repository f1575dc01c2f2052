package op

import (
	"crypto/sha1"
	"encoding/binary"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Fingerprint is what memcached's clients get as an item's CAS: 64 bits of a hash of its flags and its value, never 0. An
// item that has changed and changed back has the same one.
func Fingerprint(flags uint32, v []byte) uint64 {
	h := sha1.New()
	var b [sha1.Size]byte
	h.Write(binary.BigEndian.AppendUint32(b[:0], flags))
	h.Write(v)
	return max(1, binary.BigEndian.Uint64(h.Sum(b[:0])))
}

// Guard is a condition on an item's fingerprint: it holds of any item unless Given.
type Guard struct {
	Given bool
	CAS   uint64
}

func (g Guard) holds(e *value.Entry, v []byte) bool {
	return !g.Given || g.CAS == Fingerprint(e.Attrs().Flags, v)
}

// localOnly is embedded in commands on attributes of items, which only the local engine keeps.
type localOnly struct{}

// Send asks a server something that changes nothing: Recv has no other answer than that this is not offered.
func (localOnly) Send(b *respwire.Batch, key []byte) { b.Command("EXISTS", key) }

// Recv implements Op.
func (localOnly) Recv([]respwire.Value, *Reply) error { return errLocalOnly }

var errLocalOnly = &hearth.Error{Kind: hearth.Unimplemented, Msg: "memcached's commands are not offered over a Valkey engine"}

// told puts what memcached's clients may ask of an item into the reply: its attributes and, as Int, how many
// milliseconds it has to live, -1 for ever.
func told(e *value.Entry, now int64, r *Reply) {
	r.Attrs, r.Int = e.Attrs(), -1
	if e.Expiry() != 0 {
		r.Int = e.Expiry() - now
	}
}
