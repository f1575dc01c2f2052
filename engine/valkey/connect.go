package valkey

import (
	"context"

	"github.com/valkey-io/valkey-go"
)

// Connect returns a client of the servers that an Engine with these options uses, for what is kept beside the items:
// control state and topics. It has connections of its own, with small buffers, and fails where no server answers.
func Connect(o Options) (valkey.Client, error) {
	o.NearBytes = 0
	e, err := New(o)
	if err != nil {
		return nil, err
	}
	c := e.clientOptions()
	// What may be said again is said again by the client here: reads are, writes are not.
	c.DisableRetry = false
	c.ReadBufferEachConn, c.WriteBufferEachConn, c.RingScaleEachConn = sideBufferBytes, sideBufferBytes, sideRingScale
	return valkey.NewClient(c)
}

const (
	sideBufferBytes = 16 << 10
	sideRingScale   = 6
)

// Owners asks which server has which keys, and returns what tells the address of a key's: "" where nobody has it now.
func Owners(ctx context.Context, c valkey.Client, o Options) (func(key string) string, error) {
	if c.Mode() != valkey.ClientModeCluster {
		return func(string) string { return o.Addrs[0] }, nil
	}
	ranges, err := slotRanges(ctx, c, o.Addrs[0])
	if err != nil {
		return nil, err
	}
	slots := new([slotCount]string)
	for _, r := range ranges {
		for slot := r.first; slot <= r.last && slot < slotCount; slot++ {
			slots[slot] = r.addr
		}
	}
	return func(key string) string { return slots[slotOf([]byte(key))] }, nil
}
