package op

import (
	"crypto/sha1"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// GetWithHash reads a scalar and the hash of its value, which is the reply's first element. RPC GetWithHash.
type GetWithHash struct {
	K []byte
}

var getWithHashSpec = Spec{ID: idGetWithHash, Name: "GetWithHash", Access: Reads, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *GetWithHash) Spec() *Spec { return &getWithHashSpec }

// Key implements Op.
func (o *GetWithHash) Key() []byte { return o.K }

// Apply implements Op.
func (o *GetWithHash) Apply(e *value.Entry, now int64, r *Reply) error {
	err := readScalar(e, r)
	addHash(r)
	return err
}

// addHash adds the hash of the value that a Hit found. It is SHA-1 because functions of a Redis server can compute that;
// it guards nothing.
func addHash(r *Reply) {
	if r.Status == Hit {
		h := hashOf(r.Value())
		r.AddPart(h[:], 0)
	}
}

func hashOf(v []byte) [sha1.Size]byte { return sha1.Sum(v) }

// Send implements Op.
func (o *GetWithHash) Send(b *respwire.Batch, key []byte) { b.Command("GET", key) }

// Recv implements Op.
func (o *GetWithHash) Recv(v []respwire.Value, r *Reply) error {
	err := recvScalar(v[0], r)
	if err == nil {
		addHash(r)
	}
	return err
}
