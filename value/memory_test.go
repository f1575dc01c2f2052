package value

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// heap returns the bytes of live heap objects.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What Bytes says is what the heap grew by, while collections grow, change and shrink, and what is freed is reclaimed.
func TestBytes(t *testing.T) {
	key := func(i int) []byte { return []byte(fmt.Sprintf("element-%08d", i)) }
	val := make([]byte, 32)
	check := func(name string, k Kind, n, many int, add func(c Collection, i int), remove func(c Collection, i int)) {
		t.Helper()
		base := heap()
		cs := make([]Collection, many)
		for i := range cs {
			cs[i] = New(k)
			for j := range n {
				add(cs[i], j)
			}
		}
		measure := func(when string) {
			t.Helper()
			grown := heap() - base
			var said int64
			for _, c := range cs {
				said += c.Bytes()
			}
			if said < grown*95/100-4096 || said > grown*110/100+4096 {
				t.Errorf("%s, %s: the heap grew by %d, Bytes says %d (%.3f)", name, when, grown, said, float64(said)/float64(grown))
			}
			t.Logf("%s, %s: %.1f bytes an element", name, when, float64(said)/float64(max(1, cs[0].Len())*many))
		}
		measure("full")
		full := cs[0].Bytes()
		for _, c := range cs {
			for j := range n * 9 / 10 {
				remove(c, j)
			}
		}
		measure("a tenth")
		if now := cs[0].Bytes(); n > 10_000 && now > full/3 {
			t.Errorf("%s: with a tenth of its elements it holds %d of %d bytes", name, now, full)
		}
		runtime.KeepAlive(cs)
	}

	for _, size := range [][2]int{{200, 200}, {3000, 20}, {30_000, 1}} {
		n, many := size[0], size[1]
		check(fmt.Sprint("dictionary of ", n), Dictionary, n, many,
			func(c Collection, i int) { c.(*Dict).Set(key(i), val) },
			func(c Collection, i int) { c.(*Dict).Delete(key(i)) })
		check(fmt.Sprint("set of ", n), Set, n, many,
			func(c Collection, i int) { c.(*Members).Add(key(i)) },
			func(c Collection, i int) { c.(*Members).Delete(key(i)) })
		check(fmt.Sprint("list of ", n), List, n, many,
			func(c Collection, i int) { c.(*Sequence).PushBack(key(i)) },
			func(c Collection, i int) { c.(*Sequence).Delete(c.Len()/2, c.Len()/2+1) })
		r := rand.New(rand.NewPCG(1, 1))
		check(fmt.Sprint("sorted set of ", n), SortedSet, n, many,
			func(c Collection, i int) { c.(*Sorted).Put(key(i), float64(r.IntN(1000))) },
			func(c Collection, i int) { c.(*Sorted).Delete(key(i)) })
	}
	check("one large field", Dictionary, 1, 100,
		func(c Collection, i int) { c.(*Dict).Set(key(i), make([]byte, 100_000)) },
		func(c Collection, i int) {})
	check("sixteen kilobytes each", Dictionary, 100, 10,
		func(c Collection, i int) { c.(*Dict).Set(key(i), make([]byte, 16_500)) },
		func(c Collection, i int) { c.(*Dict).Delete(key(i)) })
}

// Values that change their size all the time do not make a dictionary grow without bound.
func TestChurn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	d := newDict()
	d.start()
	live := map[string]int{}
	for i := range 100_000 {
		k := fmt.Sprint(r.IntN(2000))
		n := r.IntN(300)
		if i%1000 == 0 {
			n = r.IntN(60_000)
		}
		d.Set([]byte(k), make([]byte, n))
		live[k] = n
	}
	total := 0
	for k, n := range live {
		total += n + len(k) + 16
	}
	if d.Bytes() > int64(total)*16/10+64<<10 {
		t.Errorf("%d bytes for %d of fields and values", d.Bytes(), total)
	}
}
