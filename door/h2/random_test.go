package h2

import (
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// mischief writes frames that are mostly in order, so that they get far, and sometimes are not.
type mischief struct {
	*rand.Rand
	raw  *raw
	next uint32
}

func (m *mischief) id() uint32 {
	if m.next == 0 || m.IntN(3) == 0 {
		m.next += 2
	}
	switch m.IntN(20) {
	case 0:
		return uint32(m.IntN(9))
	case 1:
		return m.next + uint32(m.IntN(4))
	}
	return max(1, (m.next-uint32(2*m.IntN(4)))|1)
}

func (m *mischief) bytes(most int) []byte {
	b := make([]byte, m.IntN(most))
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

func (m *mischief) step() error {
	r, id := m.raw, m.id()
	switch m.IntN(14) {
	case 0, 1, 2:
		paths := []string{"/test/Echo", "/test/Later", "/test/Count", "/test/Open", "/test/Large", "/test/Nothing", "/echo", "/wait", "/panic", "/trailer", "/large?100000", "", "*"}
		return r.open(id, paths[m.IntN(len(paths))], nil)
	case 3, 4, 5:
		return r.WriteData(id, m.IntN(2) == 0, framed([]byte("100")))
	case 6:
		return r.WriteDataPadded(id, m.IntN(2) == 0, m.bytes(20000), m.bytes(200))
	case 7:
		return r.WriteRSTStream(id, http2.ErrCode(m.IntN(20)))
	case 8:
		return r.WriteWindowUpdate(uint32(m.IntN(2))*id, m.Uint32N(1<<31-1)>>m.IntN(31))
	case 9:
		return r.WriteSettings(http2.Setting{ID: http2.SettingID(m.IntN(8)), Val: m.Uint32() >> m.IntN(32)})
	case 10:
		return r.WritePing(m.IntN(2) == 0, [8]byte{})
	case 11:
		return r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: m.bytes(100), EndHeaders: m.IntN(2) == 0, EndStream: m.IntN(2) == 0})
	case 12:
		return r.WriteContinuation(id, m.IntN(2) == 0, r.block("a", "b"))
	}
	return r.WriteRawFrame(http2.FrameType(m.IntN(12)), http2.Flags(m.Uint32()), id, m.bytes(50))
}

// Frames in any order: the server neither panics nor leaks, and goes on for others. A failure prints its seed.
func TestRandomFrames(t *testing.T) {
	s := start(t, echo{}, false)
	other := s.grpcClient(t)
	before := heap()
	seed := uint64(time.Now().UnixNano())
	for n := range uint64(300) {
		m := &mischief{Rand: rand.New(rand.NewPCG(seed, n)), raw: s.raw(t)}
		for range 60 {
			if m.step() != nil {
				break
			}
		}
		_ = m.raw.Conn.(*net.TCPConn).CloseWrite()
		m.raw.goAway()
		_ = m.raw.Close()
		if n%50 == 0 {
			if got, err := call(other, "/test/Echo", "hello"); err != nil || got != "hello" {
				t.Fatalf("seed %d, round %d: another client gets %q, %v", seed, n, got, err)
			}
		}
	}
	for end := time.Now().Add(10 * time.Second); s.door.Limits.Count() > 1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("seed %d: %d connections are left", seed, s.door.Limits.Count())
		}
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("seed %d: %d MiB are left behind", seed, grown>>20)
	}
}
