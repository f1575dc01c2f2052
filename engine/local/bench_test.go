package local

import (
	"context"
	"strconv"
	"testing"

	"github.com/hearthcache/hearth/op"
)

// BenchmarkGet reads items with and without tags.
func BenchmarkGet(b *testing.B) {
	for name, tags := range map[string][][]byte{"untagged": nil, "tagged": {[]byte("product"), []byte("sale")}} {
		b.Run(name, func(b *testing.B) {
			e := New(Options{BytesMax: 256 << 20})
			defer e.Close()
			ctx := context.Background()
			var r op.Reply
			keys := make([][]byte, 100_000)
			for i := range keys {
				keys[i] = []byte("key-" + strconv.Itoa(i))
				if err := e.Do(ctx, 1, &op.Set{K: keys[i], Value: make([]byte, 100), Tags: tags}, &r); err != nil {
					b.Fatal(err)
				}
			}
			if err := e.Invalidate(ctx, 1, []byte("another")); err != nil {
				b.Fatal(err)
			}
			get := &op.Get{}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				get.K = keys[i*7919%len(keys)]
				r.Reset()
				if err := e.Do(ctx, 1, get, &r); err != nil || r.Status != op.Hit {
					b.Fatal(r.Status, err)
				}
			}
		})
	}
}
