package local

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// FuzzRecord holds decode(encode(x)) = x for records, and that a rewrite in place changes what it should and no byte
// behind the record.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), []byte("other"), []byte("tags"), int64(12345), uint32(7), uint8(3))
	f.Add([]byte(""), []byte(""), []byte(""), []byte(""), int64(0), uint32(0), uint8(0))
	f.Fuzz(func(t *testing.T, key, v, next, tags []byte, expiry int64, flags uint32, bits uint8) {
		if len(key) > 1<<16 || len(tags) > tagsBytesMax {
			t.Skip("longer than the limits")
		}
		d := draft{
			kind: value.Kind(bits&3) + value.Scalar, uses: uint32(bits >> 6), expiry: expiry, key: key, value: v,
			attrs: value.Attrs{Flags: flags, Stale: bits&4 != 0, Won: bits&8 != 0, Tags: tags},
		}
		n := d.bytes()
		mem := make([]uint64, n/8+3)
		all := unsafe.Slice((*byte)(unsafe.Pointer(&mem[0])), len(mem)*8)
		for i := range all[n:] {
			all[n+i] = 0xaa
		}
		r := (*record)(unsafe.Pointer(&mem[0]))
		r.write(&d)
		same := func(want []byte) {
			t.Helper()
			if r.bytes() != n || r.kind() != d.kind || r.expiry() != d.expiry || !bytes.Equal(r.key(), key) || !bytes.Equal(r.value(), want) {
				t.Fatalf("%+v became %d bytes, kind %d, expiry %d, key %q, value %q", d, r.bytes(), r.kind(), r.expiry(), r.key(), r.value())
			}
			for _, b := range all[n:] {
				if b != 0xaa {
					t.Fatal("a byte behind the record changed")
				}
			}
		}
		same(v)
		if a := r.attrs(); a.Flags != flags || a.Stale != d.attrs.Stale || a.Won != d.attrs.Won || !bytes.Equal(a.Tags, tags) || r.uses() != d.uses {
			t.Fatalf("attributes %+v became %+v, uses %d", d.attrs, a, r.uses())
		}
		if d.kind == value.Scalar && r.rewrite(expiry, next) {
			same(next)
		}
	})
}

func TestUsesStopAtTheirMost(t *testing.T) {
	var r record
	for range 10 {
		r.used()
	}
	if r.uses() != usesMax || r.meta != usesMask {
		t.Errorf("after ten uses: %d, meta %b", r.uses(), r.meta)
	}
}

func TestCgroupFiles(t *testing.T) {
	check := func(own string, want ...string) {
		t.Helper()
		got := cgroupFiles(own)
		if len(got) != len(want) {
			t.Fatalf("cgroupFiles(%q) = %q; want %q", own, got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("cgroupFiles(%q)[%d] = %q; want %q", own, i, got[i], want[i])
			}
		}
	}

	check("0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max")
	check("5:cpu,memory:/x\n4:pids:/y\n", "/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
	check("nonsense\n")
}

func TestIndexKeepsEveryRecord(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 64 << 20})
	x := index{a: e.arena, skip: 3}
	in := map[uint64]uint64{} // hash to position
	h := uint64(1)
	for i := range 60_000 {
		h = h*6364136223846793005 + 1442695040888963407
		if i%3 == 2 {
			for old, off := range in {
				x.remove(old, x.findAt(old, off))
				delete(in, old)
				break
			}
			continue
		}
		off := uint64(i+16) * recordAlign
		if err := x.insert(h, off); err != nil {
			t.Fatal(err)
		}
		in[h] = off
	}
	for h, off := range in {
		if x.findAt(h, off) == nil {
			t.Fatalf("the slot of %x is lost", h)
		}
	}
	if x.items != len(in) {
		t.Errorf("the index counts %d items of %d", x.items, len(in))
	}
	if per := float64(x.bytes) / float64(x.items); per > 14 {
		t.Errorf("an item costs %.1f bytes of index", per)
	}
	for x.release() {
	}
	if n := e.arena.inUse.Load(); n != 0 || x.bytes != 0 {
		t.Errorf("%d bytes are in use, %d counted after all was given back", n, x.bytes)
	}
}

// What became of a key is known still when the memory of it has grown, by whatever factor.
func TestThePastGrowsWithoutForgetting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	e := newEngine(t, Options{BytesMax: 64 << 20})
	for _, grown := range []int{1001, 1100, 1250, 1999, 2000, 7777} {
		p := past{a: e.arena}
		p.resize(1000)
		hashes := make([]uint64, 500)
		for i := range hashes {
			hashes[i] = rng.Uint64()
			p.add(hashes[i], memory{cause: op.Evicted}, 0)
		}
		p.resize(grown)
		for p.old.n > 0 {
			kept := 0
			for _, h := range hashes {
				if p.cause(h) == op.Evicted {
					kept++
				}
			}
			if kept < len(hashes)*98/100 {
				t.Fatalf("%d of %d keys are known while growing from 1000 to %d buckets", kept, len(hashes), grown)
			}
			p.add(hashes[0], memory{cause: op.Evicted}, 0)
		}
		for p.release(1) {
		}
		if n := e.arena.inUse.Load(); n != 0 || p.bytes() != 0 {
			t.Fatalf("%d bytes are in use, %d counted after all was given back", n, p.bytes())
		}
	}
}
