package op

import (
	"bytes"
	"testing"
)

// A value that was given away keeps its bytes, whatever its Reply is used for next.
func TestGiven(t *testing.T) {
	var r Reply
	r.SetValue([]byte("small"))
	if v := r.Given(); v != nil {
		t.Errorf("%q was given away", v)
	}
	r.Reset()
	large := bytes.Repeat([]byte("v"), 2*replyBytesKept)
	r.SetValue(large)
	given := r.Given()
	r.Reset()
	r.SetValue(bytes.Repeat([]byte("w"), len(large)))
	if !bytes.Equal(given, large) {
		t.Errorf("%d bytes were given, %d of them as they were", len(given), bytes.Count(given, []byte("v")))
	}
}
