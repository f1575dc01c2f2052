package valkey

import (
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
