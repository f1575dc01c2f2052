package respwire

import (
	"errors"
	"testing"
)

func TestExtent(t *testing.T) {
	check := func(in string, more string) {
		t.Helper()
		var x Extent
		for n := range len(in) {
			if whole, err := x.Whole([]byte(in[:n])); whole || err != nil {
				t.Errorf("%q: %v %v after %d bytes", in, whole, err, n)
				return
			}
		}
		if whole, err := x.Whole([]byte(in + more)); !whole || err != nil {
			t.Errorf("%q: %v %v", in, whole, err)
		}
	}

	check("+OK\r\n", "")
	check(":1\r\n", ":2\r\n")
	check("$5\r\nhello\r\n", "+x")
	check("$-1\r\n", "")
	check("$0\r\n\r\n", "")
	check("*0\r\n", "")
	check("*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "*")
	check("%1\r\n+k\r\n~2\r\n#t\r\n_\r\n", "")
	check("!7\r\nERR bad\r\n", "")

	for _, in := range []string{"\r\n", "$x\r\n", "*-2\r\n", "$99999999999999\r\n"} {
		if _, err := new(Extent).Whole([]byte(in)); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

// FuzzExtent holds Extent to Decode, however a reply is cut.
func FuzzExtent(f *testing.F) {
	for _, in := range []string{"*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n+k\r\n_\r\n", "$3\r\nab", "-ERR\r\n+OK\r\n"} {
		f.Add([]byte(in), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		_, want, err := Decode(in)
		if err != nil && !errors.Is(err, ErrShort) {
			return // Extent need not notice
		}
		var x Extent
		for n := 0; ; n = min(n+1+int(step), len(in)) {
			whole, e := x.Whole(in[:n])
			switch {
			case e != nil && want > 0:
				t.Fatalf("%q: %v", in, e)
			case e != nil:
				return
			case whole && (want == 0 || n < want):
				t.Fatalf("%q is whole after %d bytes; Decode takes %d, %v", in, n, want, err)
			case n == len(in) && !whole && want > 0:
				t.Fatalf("%q is never whole", in)
			case whole || n == len(in):
				return
			}
		}
	})
}
