package value

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// sizes are how many different elements a random test uses: packed, just large, and many segments and pages.
var testSizes = []int{20, 160, 6_000}

func blob(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomValue(r *rand.Rand) []byte {
	switch r.IntN(200) {
	case 0:
		return blob(r, 2000+r.IntN(3000))
	case 1:
		return blob(r, 20_000+r.IntN(100_000))
	}
	return blob(r, r.IntN(40))
}

// reopen packs a small collection and opens the record as a view, as an engine does between commands. The view must not
// be written: what it was is kept to compare.
func reopen[C Collection](t *testing.T, c C, views *[][2][]byte) C {
	t.Helper()
	rec, ok := c.Packed()
	if !ok {
		return c
	}
	if err := Check(c.Kind(), rec); err != nil {
		t.Fatalf("a packed %T of %d bytes: %v", c, len(rec), err)
	}
	view := slices.Clone(rec)
	*views = append(*views, [2][]byte{view, slices.Clone(rec)})
	var s Scratch
	return s.Unpack(c.Kind(), view).(C)
}

func checkViews(t *testing.T, views [][2][]byte) {
	t.Helper()
	for _, v := range views {
		if !bytes.Equal(v[0], v[1]) {
			t.Fatal("a view was written")
		}
	}
}

type modelField struct {
	value  string
	expiry int64
}

func TestDictAgainstModel(t *testing.T) {
	for _, size := range testSizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(size)))
			d := newDict()
			d.start()
			m := map[string]modelField{}
			var views [][2][]byte
			for step := range 16_000 {
				if step%97 == 0 {
					d = reopen(t, d, &views)
				}
				d.now = int64(step)
				live := func(k string) bool { f, ok := m[k]; return ok && (f.expiry == 0 || f.expiry > d.now) }
				k := fmt.Sprint("field", r.IntN(size))
				switch n := r.IntN(20); {
				case n < 8:
					v := randomValue(r)
					if got, want := d.Set([]byte(k), v), !live(k); got != want {
						t.Fatalf("step %d: Set added %v, want %v", step, got, want)
					}
					m[k] = modelField{value: string(v)}
				case n < 9:
					v := randomValue(r)
					old := m[k]
					if !live(k) {
						old = modelField{}
					}
					d.Replace([]byte(k), v)
					m[k] = modelField{value: string(v), expiry: old.expiry}
				case n < 14:
					if got, want := d.Delete([]byte(k)), live(k); got != want {
						t.Fatalf("step %d: Delete %v, want %v", step, got, want)
					}
					delete(m, k)
				case n < 15 && size > 20:
					at := int64(step + r.IntN(200))
					if got, want := d.ExpireField([]byte(k), at), live(k); got != want {
						t.Fatalf("step %d: ExpireField %v, want %v", step, got, want)
					}
					if live(k) {
						m[k] = modelField{value: m[k].value, expiry: at}
					}
				default:
					v, ok := d.Get([]byte(k))
					if ok != live(k) || ok && string(v) != m[k].value {
						t.Fatalf("step %d: Get %q: %v, want %v", step, k, ok, live(k))
					}
				}
				if step%1000 == 999 {
					maps.DeleteFunc(m, func(k string, _ modelField) bool { return !live(k) })
					sameDict(t, d, m)
				}
			}
			checkViews(t, views)
			if size > 1000 && d.large == nil {
				t.Error("it never grew large")
			}
		})
	}
}

func sameDict(t *testing.T, d *Dict, m map[string]modelField) {
	t.Helper()
	got := map[string]string{}
	for k, v := range d.All {
		got[string(k)] = string(v)
	}
	want := map[string]string{}
	for k, f := range m {
		want[k] = f.value
	}
	if d.Len() != len(m) || !maps.Equal(got, want) {
		t.Fatalf("%d fields (Len %d), want %d", len(got), d.Len(), len(m))
	}
	scanned := map[string]int{}
	for cursor, first := uint64(0), true; cursor != 0 || first; first = false {
		cursor = d.Scan(cursor, 10, func(k, _ []byte) { scanned[string(k)]++ })
	}
	if len(scanned) != len(m) {
		t.Fatalf("a scan saw %d fields of %d", len(scanned), len(m))
	}
	if len(m) > 0 {
		k, v := d.Random(rand.New(rand.NewPCG(1, 1)))
		if want[string(k)] != string(v) {
			t.Fatalf("a random field %q that is not there", k)
		}
	}
	if c := Clone(d).(*Dict); c.Len() != len(m) && d.soonest == 0 {
		t.Fatalf("a clone has %d fields, not %d", c.Len(), len(m))
	}
}

// A field that is there throughout is seen, while others come and go and the index grows and shrinks.
func TestScanWhileChanging(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	d := newDict()
	d.start()
	for i := range 3000 {
		d.Set([]byte(fmt.Sprint("stays", i)), []byte("v"))
	}
	seen := map[string]bool{}
	extra := 0
	for cursor, first := uint64(0), true; cursor != 0 || first; first = false {
		cursor = d.Scan(cursor, 10, func(k, _ []byte) { seen[string(k)] = true })
		for range 200 {
			if extra < 30_000 {
				d.Set([]byte(fmt.Sprint("comes", extra)), []byte("v"))
				extra++
			} else {
				d.Delete([]byte(fmt.Sprint("comes", r.IntN(extra))))
			}
		}
	}
	for i := range 3000 {
		if !seen[fmt.Sprint("stays", i)] {
			t.Fatalf("field %d was not seen", i)
		}
	}
}

func TestFieldExpiry(t *testing.T) {
	for _, fields := range []int{5, 500} {
		d := newDict()
		d.start()
		for i := range fields {
			d.Set([]byte(fmt.Sprint(i)), []byte("v"))
			d.ExpireField([]byte(fmt.Sprint(i)), int64(100+i))
		}
		check := func(now int64, want int) {
			t.Helper()
			d.now = now
			if d.Len() != want || Gone(d, now) != (want == 0) {
				t.Errorf("at %d: %d fields, gone %v; want %d", now, d.Len(), Gone(d, now), want)
			}
		}
		check(99, fields)
		check(100, fields-1)
		check(int64(100+fields-2), 1)
		check(int64(100+fields-1), 0)
		d.now = 101
		if at, ok := d.FieldExpiry([]byte("3")); at != 103 || !ok {
			t.Errorf("FieldExpiry = %d, %v", at, ok)
		}
		if !d.Set([]byte("0"), []byte("again")) {
			t.Error("a field that has expired is not new")
		}
		if at, ok := d.FieldExpiry([]byte("0")); at != 0 || !ok {
			t.Errorf("after Set FieldExpiry = %d, %v", at, ok)
		}
		if d.keyed.Len() != fields-1 {
			t.Errorf("%d fields are kept, %d expired ones with them", d.keyed.Len(), d.keyed.Len()-fields+1)
		}
	}
}
