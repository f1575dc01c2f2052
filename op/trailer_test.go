package op

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/hearthcache/hearth/value"
)

func TestTrailer(t *testing.T) {
	check := func(v string, a value.Attrs, grows bool) {
		t.Helper()
		stored := AppendTrailer([]byte(v), a)
		if grows != (len(stored) > len(v)) {
			t.Errorf("%q with %+v is kept as %q", v, a, stored)
		}
		got, attrs := CutTrailer(stored)
		if string(got) != v || !reflect.DeepEqual(attrs, a) {
			t.Errorf("%q with %+v came back as %q with %+v", v, a, got, attrs)
		}
	}
	check("", value.Attrs{}, false)
	check("plain", value.Attrs{}, false)
	check("", value.Attrs{Flags: 1}, true)
	check("v", value.Attrs{Flags: 1<<32 - 1, Stale: true, Won: true, Tags: []byte("a:1,b:2")}, true)
	check("v", value.Attrs{Tags: bytes.Repeat([]byte("t"), 300)}, true)
	// A value that ends as a trailer does, or that is one.
	check("v"+string(trailerMark), value.Attrs{}, true)
	check(string(AppendTrailer([]byte("v"), value.Attrs{Flags: 3})), value.Attrs{}, true)
	check(string(AppendTrailer([]byte("v"), value.Attrs{Flags: 3})), value.Attrs{Won: true}, true)

	// What was written by somebody else, and only ends with the mark, is its own value.
	for _, v := range []string{string(trailerMark), "abc" + string(trailerMark), "\xff\xff" + string(trailerMark), "12345\x00\x09" + string(trailerMark)} {
		if got, a := CutTrailer([]byte(v)); string(got) != v || a.Any() {
			t.Errorf("%q was cut to %q with %+v", v, got, a)
		}
	}
}

func FuzzTrailer(f *testing.F) {
	f.Add([]byte("v"), uint32(1))
	f.Add(trailerMark, uint32(0))
	f.Fuzz(func(t *testing.T, v []byte, flags uint32) {
		CutTrailer(v)
		got, a := CutTrailer(AppendTrailer(v, value.Attrs{Flags: flags}))
		if !bytes.Equal(got, v) || a.Flags != flags {
			t.Errorf("%q with %d came back as %q with %+v", v, flags, got, a)
		}
	})
}
