package momento_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/engine/local"
)

// setMessage encodes a request that stores a scalar, its fields in the order that is given.
func setMessage(fields string, key, value []byte) (m []byte) {
	for _, f := range fields {
		switch f {
		case 'k':
			m = protowire.AppendBytes(protowire.AppendTag(m, 1, protowire.BytesType), key)
		case 'v':
			m = protowire.AppendBytes(protowire.AppendTag(m, 2, protowire.BytesType), value)
		case 's': // another value, a small one
			m = protowire.AppendBytes(protowire.AppendTag(m, 2, protowire.BytesType), []byte("small"))
		case 't':
			m = protowire.AppendVarint(protowire.AppendTag(m, 3, protowire.VarintType), 60_000)
		case 'u': // unknown to the method
			m = protowire.AppendBytes(protowire.AppendTag(m, 100, protowire.BytesType), []byte("unknown"))
		case 'a': // SetIf's condition: absent
			m = protowire.AppendBytes(protowire.AppendTag(m, 6, protowire.BytesType), nil)
		case 'h': // SetIfHash's condition: unconditional
			m = protowire.AppendBytes(protowire.AppendTag(m, 8, protowire.BytesType), nil)
		}
	}
	return m
}

// Large values are stored as they were sent, whatever the order of the fields, and by every method that has one.
func TestLargeValuesInPlace(t *testing.T) {
	h := newHandlerOn(t, local.New(local.Options{BytesMax: 256 << 20}))
	c := dialOwn(t, h)
	for i, this := range []struct{ method, fields string }{
		{"Set", "kvt"}, {"Set", "ktv"}, {"Set", "vkt"}, {"Set", "ukutuvu"}, {"Set", "kvst"}, {"Set", "ksvt"}, {"Set", "ksvt"},
		{"SetIf", "kvta"}, {"SetIf", "akvt"}, {"SetIfNotExists", "kvt"}, {"SetIfHash", "kvth"},
	} {
		for _, size := range []int{60_000, 65_536, 70_000, 1 << 20, 4_999_000} {
			key := fmt.Append(nil, i, size)
			value := bytes.Repeat([]byte{byte(i + 1), byte(size), 3, 5, 7}, size/5)
			want := value
			if this.fields == "kvst" {
				want = []byte("small")
			}
			a, err := remote(t.Context(), c, "/cache_client.Scs/"+this.method, cacheName, setMessage(this.fields, key, value))
			if err != nil || a.status != (h2.Status{}) {
				t.Fatalf("%+v of %d bytes: %+v, %v", this, size, a.status, err)
			}
			a, err = remote(t.Context(), c, "/cache_client.Scs/Get", cacheName, setMessage("k", key, nil))
			if err != nil || len(a.messages) != 1 || !bytes.HasSuffix(a.messages[0], want) {
				t.Errorf("%+v of %d bytes cannot be read: %+v, %v", this, size, a.status, err)
			}
		}
	}
}

// A large value is never on the heap: its call takes so much less of it than where the handler has no place for it.
func TestLargeValuesTakeNoHeap(t *testing.T) {
	h := newHandlerOn(t, local.New(local.Options{BytesMax: 64 << 20}))
	const size, sets = 4 << 20, 20
	m := setMessage("kvt", []byte("key"), make([]byte, size))
	allocated := func(c *grpc.ClientConn) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range sets {
			if a, err := remote(t.Context(), c, "/cache_client.Scs/Set", cacheName, m); err != nil || a.status != (h2.Status{}) {
				t.Fatalf("%+v, %v", a.status, err)
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / sets
	}
	gathered := allocated(dialOwn(t, struct{ h2.Handler }{h}))
	if placed := allocated(dialOwn(t, h)); placed+size*9/10 > gathered {
		t.Errorf("a value of %d bytes took %d of the heap with a place and %d without, the client's part included", size, placed, gathered)
	}
}
