package h2

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hearthcache/hearth/door"
)

// Calls beyond what a turn has time for are left for the next one, and answered as if there had been one turn.
func TestManyCallsTakeTurns(t *testing.T) {
	s := NewServer(Options{GRPC: full{}})
	out := &door.Writer{}
	c := s.Open(&door.Conn{}, out)
	const calls = 5000
	var in, block bytes.Buffer
	in.WriteString(preface)
	e := hpack.NewEncoder(&block)
	fr := http2.NewFramer(&in, nil)
	_ = fr.WriteSettings()
	for i := range uint32(calls) {
		block.Reset()
		for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/cache_client.Scs/Get"}, {"te", "trailers"}, {"content-type", "application/grpc"}} {
			_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block.Bytes(), EndHeaders: true})
		_ = fr.WriteData(2*i+1, true, framed([]byte(getRequest)))
	}
	turns := 0
	for left := in.Bytes(); len(left) > 0; {
		turns++
		out = &door.Writer{B: out.B} // begins a turn
		used, err := c.Feed(left, out)
		if left = left[used:]; used == 0 || err != nil && err != door.ErrMore || len(left) > 0 && err == nil {
			t.Fatalf("turn %d took %d bytes and left %d: %v", turns, used, len(left), err)
		}
	}
	if n := bytes.Count(out.B, []byte(fullEnd)); n != calls {
		t.Errorf("%d calls were answered, want %d", n, calls)
	}
	if turns < 2 {
		t.Error("all was done in one turn")
	}
}
