package local

import (
	"context"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
)

// TestTogetherIsBounded asks in one transaction for more of one value than an answer may hold: the last reads have an error in
// their place, and what is written is written.
func TestTogetherIsBounded(t *testing.T) {
	e := New(Options{BytesMax: 64 << 20})
	defer e.Close()
	k := []byte("k")
	var r op.Reply
	if err := e.Do(context.Background(), 1, &op.Set{K: k, Value: make([]byte, 1<<20)}, &r); err != nil {
		t.Fatal(err)
	}
	const fit, reads = hearth.AnswerBytesMax >> 20, 100
	os := make([]op.Op, 0, reads+1)
	for range reads {
		os = append(os, &op.GetRange{K: k, End: -1})
	}
	os = append(os, &op.Set{K: []byte("after"), Value: []byte("v")})
	rs := make([]op.Reply, len(os))
	if done, err := e.DoTogether(context.Background(), 1, nil, os, rs); !done || err != nil {
		t.Fatal(done, err)
	}
	for i := range reads {
		if limited := hearth.KindOf(rs[i].Err) == hearth.Limited; limited != (i >= fit) || !limited && rs[i].Bytes() != 1<<20 {
			t.Errorf("read %d has %d bytes, %v", i, rs[i].Bytes(), rs[i].Err)
		}
	}
	if err := rs[reads].Err; err != nil {
		t.Error(err)
	}
}
