package valkey

import (
	"bytes"
	"testing"
)

// What lies in the servers, and what they tell, may have been written by anybody: it is read or refused.
func FuzzMessage(f *testing.F) {
	kept := append([]byte("1700000000000000"), 0, 1, 'p', 1, 'k', 'v')
	f.Add(kept)
	f.Add(append([]byte("1700000000000 5 1 t"), kept...))
	f.Add([]byte("1 2 18446744073709551615 t"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := parseKept(b); err == nil && len(k.body.Bytes)+len(k.body.Key)+len(k.time) > len(b) {
			t.Errorf("%q holds %+v", b, k)
		}
		if told, err := parseTold(b); err == nil && !bytes.Contains(b, told.topic) {
			t.Errorf("%q tells of topic %q", b, told.topic)
		}
	})
}
