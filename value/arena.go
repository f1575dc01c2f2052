package value

import "slices"

// ref is the place of a record in an arena: the number of its page and a quarter of its offset there. Zero is none.
type ref uint32

const (
	refAlign     = 4
	refPageShift = 14
	pageBytesMax = refAlign << refPageShift // 64 KiB
	pageBytesMin = 1 << 10
	ownPageBytes = pageBytesMax / 4 // a record of this size gets a page of its own
)

type page struct {
	data []byte // up to what is written
	live int    // bytes of records in use
}

// arena holds records in pages without pointers, so that a collector has one thing to look at for thousands of
// elements. Dead records are reclaimed by moving the living ones of a page that has few.
type arena struct {
	pages   []page
	empty   []uint32 // numbers of pages that were given back
	current int      // the page that takes new records; -1 is none
	live    int      // bytes of records in use
	held    int      // bytes of all pages
}

func align(n int) int { return (n + refAlign - 1) &^ (refAlign - 1) }

// make returns room for a record of n bytes and its place.
func (a *arena) make(n int) ([]byte, ref) {
	n = align(n)
	p := a.current
	if n > ownPageBytes {
		p = a.grow(n)
	} else if p < 0 || cap(a.pages[p].data)-len(a.pages[p].data) < n {
		p = a.grow(max(n, min(pageBytesMax, max(pageBytesMin, a.held/8))))
		a.current = p
	}
	pg := &a.pages[p]
	at := len(pg.data)
	pg.data = pg.data[:at+n]
	pg.live += n
	a.live += n
	return pg.data[at:], ref(p<<refPageShift|at/refAlign) + 1
}

// grow adds a page of at least size bytes.
func (a *arena) grow(size int) int {
	data := slices.Grow([]byte(nil), size)
	if cap(data) > pageBytesMax && size <= pageBytesMax {
		data = data[:0:pageBytesMax]
	}
	a.held += cap(data)
	if n := len(a.empty); n > 0 {
		p := a.empty[n-1]
		a.empty = a.empty[:n-1]
		a.pages[p].data = data
		return int(p)
	}
	a.pages = append(a.pages, page{data: data})
	return len(a.pages) - 1
}

// at returns the memory from a record on.
func (a *arena) at(r ref) []byte {
	r--
	return a.pages[r>>refPageShift].data[r&(1<<refPageShift-1)*refAlign:]
}

// free says that a record of n bytes is dead.
func (a *arena) free(r ref, n int) {
	n = align(n)
	p := int((r - 1) >> refPageShift)
	pg := &a.pages[p]
	pg.live -= n
	a.live -= n
	if pg.live == 0 {
		a.release(p)
	}
}

// release gives a page back; the current one stays, empty.
func (a *arena) release(p int) {
	pg := &a.pages[p]
	if p == a.current {
		pg.data = pg.data[:0]
		return
	}
	a.held -= cap(pg.data)
	*pg = page{}
	a.empty = append(a.empty, uint32(p))
}

// wasteMin is the slack that is not worth reclaiming.
const wasteMin = 4 << 10

// victim returns the page with the most dead bytes, where too much of the arena is dead.
func (a *arena) victim() (int, bool) {
	if a.held-a.live <= a.live/3+wasteMin+pageBytesMin {
		return 0, false
	}
	best, most := -1, 0
	for p := range a.pages {
		pg := &a.pages[p]
		if dead := len(pg.data) - pg.live; p != a.current && dead > most {
			best, most = p, dead
		}
	}
	return best, best >= 0 && most*4 > len(a.pages[best].data)
}

// bytes returns what the arena holds on the heap.
func (a *arena) bytes() int {
	return a.held + heapBytes(cap(a.pages)*pageHeaderBytes) + heapBytes(cap(a.empty)*4)
}

const pageHeaderBytes = 32
