package value

import "testing"

// FuzzCheck: whatever Check lets through can be opened, read, changed and packed again without a panic.
func FuzzCheck(f *testing.F) {
	for k := Dictionary; k <= SortedSet; k++ {
		c := New(k)
		fill(c)
		rec, _ := c.Packed()
		f.Add(byte(k), rec)
	}
	f.Add(byte(List), []byte{0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add(byte(Dictionary), []byte{1, 1, 0, 3, 1, 2, 3})
	f.Fuzz(func(t *testing.T, kind byte, record []byte) {
		k := Dictionary + Kind(kind)%4
		if Check(k, record) != nil {
			return
		}
		c := Unpack(k, record)
		before := c.Len()
		if rec, ok := c.Packed(); !ok || string(rec) != string(record) {
			t.Fatalf("opened and packed again it is %x, %v", rec, ok)
		}
		read(c)
		fill(c)
		if c.Len() < before {
			t.Fatalf("%d elements after adding some to %d", c.Len(), before)
		}
		if rec, ok := c.Packed(); ok && Check(k, rec) != nil {
			t.Fatalf("changed, it is %x: %v", rec, Check(k, rec))
		}
	})
}

func fill(c Collection) {
	for _, v := range []string{"a", "", "bb"} {
		switch c := c.(type) {
		case *Dict:
			c.Replace([]byte(v), []byte("value"))
			c.ExpireField([]byte(v), 1<<40)
		case *Members:
			c.Add([]byte(v))
		case *Sequence:
			c.PushFront([]byte(v))
		case *Sorted:
			c.Put([]byte(v), 1.5)
		}
	}
}

func read(c Collection) {
	switch c := c.(type) {
	case *Dict:
		for f := range c.All {
			c.Get(f)
		}
	case *Members:
		for e := range c.All {
			c.Contains(e)
		}
	case *Sequence:
		c.Backward(func([]byte) bool { return true })
	case *Sorted:
		c.Backward(0, c.Len(), func(v []byte, s float64) bool {
			c.Index(v)
			return true
		})
	}
}
