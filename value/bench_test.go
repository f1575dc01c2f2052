package value

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkLarge(b *testing.B) {
	const n = 1_000_000
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = []byte(fmt.Sprintf("element-%08d", i))
	}
	r := rand.New(rand.NewPCG(1, 1))
	b.Run("DictSet", func(b *testing.B) {
		d := New(Dictionary).(*Dict)
		for i := range b.N {
			d.Set(keys[i%n], keys[(i+1)%n])
		}
	})
	d := New(Dictionary).(*Dict)
	z := New(SortedSet).(*Sorted)
	l := New(List).(*Sequence)
	for i := range n {
		d.Set(keys[i], keys[i])
		z.Put(keys[i], float64(r.IntN(n)))
		l.PushBack(keys[i])
	}
	run := func(name string, f func(k []byte)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				f(keys[r.IntN(n)])
			}
		})
	}
	run("DictGet", func(k []byte) { d.Get(k) })
	run("SortedPut", func(k []byte) { z.Put(k, float64(r.IntN(n))) })
	run("SortedIndex", func(k []byte) { z.Index(k) })
	run("SortedRange10", func(k []byte) {
		i := r.IntN(n - 10)
		z.Range(i, i+10, func([]byte, float64) bool { return true })
	})
	run("ListAt", func(k []byte) { l.At(r.IntN(n)) })
	run("ListPushPop", func(k []byte) {
		l.PushBack(k)
		l.Delete(0, 1)
	})
}
