package trace

import (
	"bytes"
	"testing"
)

// A trace is somebody else's file: whatever it holds, it is read or refused, and never holds more requests than its bytes can.
func FuzzParse(f *testing.F) {
	f.Add(byte(0), []byte("1\n2 100\n0.5 3 200\n* phase\n"))
	f.Add(byte(1), []byte("time,key,size\n1,abc,100\n2,\"d,e\",x\n"))
	f.Add(byte(2), []byte("10 5 0 1\n20 18446744073709551615 0 2\n"))
	f.Add(byte(4), []byte("1 18446744073709551615 0 0\n"))
	f.Add(byte(4), []byte("10 5 0 1\n20 2 0 2\n"))
	f.Add(byte(3), bytes.Repeat([]byte{1, 2, 3}, 16))
	f.Fuzz(func(t *testing.T, which byte, file []byte) {
		format := Formats[int(which)%len(Formats)]
		if format == Auto {
			return
		}
		most := len(file)
		if format == Lis {
			most *= lisRunMax
		}
		if rs, err := Parse(bytes.NewReader(file), format); err == nil && len(rs) > most {
			t.Errorf("%s: %d requests in %d bytes", format, len(rs), len(file))
		}
	})
}
