package local

import "unsafe"

// The index finds records by the hash of their key. It is extendible: a directory, ordered by the leading bits of the
// hash, of pages that grow strip by strip and split in two when they have pageLinesMax lines. So nothing ever doubles at
// once, and a shard pays about ten bytes an item at any size; as all strips have one size, none is left over.
//
// A page is an array of lines of eight slots, a line being what the processor fetches at once. An item's slot is in the
// line that its hash points to or, where that is full, in the next one with room; the slots of a line are used from
// the first on, so a search ends at the first empty one. A slot is the tag (tagBits of the hash, after those that
// chose the shard) and the position of the record in units of recordAlign.
const (
	lineSlots    = 8
	lineBytes    = lineSlots * 8
	stripLines   = 8
	stripsMax    = 8
	pageLinesMax = stripLines * stripsMax
	pageItemsMax = pageLinesMax * lineSlots
	tagBits      = 26
	posBits      = 64 - tagBits
	posMask      = 1<<posBits - 1
	homeBits     = 10 // of the hash that choose the line of a page
	depthMax     = tagBits - homeBits
	scanBits     = 48 // of the hash that a scan's cursor carries
)

// page describes one page, in the directory. One of less than a strip is a piece of its own size.
type page struct {
	strips [stripsMax]uint32 // offsets in units of lineBytes
	items  uint16
	lines  uint8
	depth  uint8 // bits of the hash that lead here
}

type line [lineSlots]uint64

type index struct {
	a     *arena
	dir   []page // without pointers; a page of less depth than the directory stands there several times
	depth uint8
	skip  uint8 // bits of the hash that chose the shard
	items int
	bytes int64 // of pages and directory
}

func (x *index) line(p *page, n uint) *line {
	return (*line)(x.a.at((uint64(p.strips[n/stripLines]) + uint64(n%stripLines)) * lineBytes))
}

// home returns the line that a hash without its skipped bits points to.
func (p *page) home(y uint64) uint {
	return uint((y << p.depth >> (64 - homeBits)) * uint64(p.lines) >> homeBits)
}

func (p *page) after(n uint) uint {
	if n++; n < uint(p.lines) {
		return n
	}
	return 0
}

// full reports whether one more item would fill the page beyond fifteen sixteenths.
func (p *page) full() bool { return (int(p.items)+1)*2 > int(p.lines)*(2*lineSlots-1) }

// linesFor is the size of a fresh page: four fifths full.
func linesFor(items int) int { return pageLines(items*10/(8*lineSlots) + 1) }

// pageLines rounds up to whole strips, where there is more than one.
func pageLines(n int) int {
	if n <= stripLines {
		return n
	}
	return min((n+stripLines-1)/stripLines*stripLines, pageLinesMax)
}

func (x *index) at(y uint64) *page { return &x.dir[y>>(64-x.depth)] }

func pos(slot uint64) uint64 { return (slot & posMask) * recordAlign }

func slot(y, off uint64) uint64 { return y>>posBits<<posBits | off/recordAlign }

// find returns the slot and the record of a key, nil where there is none.
func (x *index) find(h uint64, key []byte) (*uint64, *record) {
	if x.items == 0 {
		return nil, nil
	}
	y := h << x.skip
	p := x.at(y)
	n := p.home(y)
	for range p.lines {
		l := x.line(p, n)
		for i := range l {
			v := l[i]
			if v == 0 {
				return nil, nil
			}
			if (v^y)>>posBits != 0 {
				continue
			}
			if r := (*record)(x.a.at(pos(v))); string(r.key()) == string(key) {
				return &l[i], r
			}
		}
		n = p.after(n)
	}
	return nil, nil
}

// mayHave reports whether there may be an item of a hash without its skipped bits, by the tags alone.
func (x *index) mayHave(y uint64) bool {
	if y>>(64-x.depth) >= uint64(len(x.dir)) {
		return false
	}
	p := x.at(y)
	n := p.home(y)
	for range p.lines {
		for _, v := range x.line(p, n) {
			if v == 0 {
				return false
			}
			if (v^y)>>posBits == 0 {
				return true
			}
		}
		n = p.after(n)
	}
	return false
}

// findAt returns the slot of the record at off.
func (x *index) findAt(h, off uint64) *uint64 {
	y := h << x.skip
	p := x.at(y)
	n := p.home(y)
	want := slot(y, off)
	for range p.lines {
		l := x.line(p, n)
		for i := range l {
			if l[i] == want {
				return &l[i]
			}
		}
		n = p.after(n)
	}
	return nil
}

// insert adds a slot for the record at off.
func (x *index) insert(h, off uint64) error {
	y := h << x.skip
	if x.dir == nil {
		p, err := x.newPage(1, 0)
		if err != nil {
			return err
		}
		x.dir = []page{p}
	}
	p := x.at(y)
	if p.full() {
		if err := x.grow(y); err != nil {
			return err
		}
		p = x.at(y)
	}
	x.put(p, y, slot(y, off))
	x.count(y, 1)
	return nil
}

// put finds room for a slot.
func (x *index) put(p *page, y, v uint64) {
	for n := p.home(y); ; n = p.after(n) {
		l := x.line(p, n)
		for i := range l {
			if l[i] == 0 {
				l[i] = v
				return
			}
		}
	}
}

// count changes the number of a page's items wherever it stands in the directory.
func (x *index) count(y uint64, by int) {
	x.items += by
	from, n := x.span(y)
	for i := range n {
		x.dir[from+i].items += uint16(by)
	}
}

// span returns where the page of y stands in the directory, and how often.
func (x *index) span(y uint64) (from, n uint64) {
	i := y >> (64 - x.depth)
	n = 1 << (x.depth - x.dir[i].depth)
	return i &^ (n - 1), n
}

// remove empties the slot s, and moves back what had to go to a later line because the slot's line was full.
func (x *index) remove(h uint64, s *uint64) {
	y := h << x.skip
	p := x.at(y)
	n := p.home(y)
	at := uintptr(unsafe.Pointer(s)) - uintptr(unsafe.Pointer(x.line(p, n)))
	for at >= lineBytes {
		n = p.after(n)
		at = uintptr(unsafe.Pointer(s)) - uintptr(unsafe.Pointer(x.line(p, n)))
	}
	full := x.drop(x.line(p, n), uint(at/8))
	for m := p.after(n); full && m != n; m = p.after(m) {
		l := x.line(p, m)
		i := x.displaced(p, l, n, m)
		if i < lineSlots {
			x.line(p, n)[lineSlots-1] = l[i]
			full = x.drop(l, i)
			n = m
			continue
		}
		full = l[lineSlots-1] != 0
	}
	x.count(y, -1)
	x.shrink(y)
}

// drop takes slot i out of l, and reports whether l was full.
func (x *index) drop(l *line, i uint) bool {
	last := uint(lineSlots - 1)
	for l[last] == 0 {
		last--
	}
	l[i], l[last] = l[last], 0
	return last == lineSlots-1
}

// displaced returns the first slot of line m that may stand in line n too.
func (x *index) displaced(p *page, l *line, n, m uint) uint {
	lines := uint(p.lines)
	for i, v := range l {
		if v == 0 {
			break
		}
		if (m-p.home(v&^posMask)+lines)%lines >= (m-n+lines)%lines {
			return uint(i)
		}
	}
	return lineSlots
}

// newPage returns an empty page.
func (x *index) newPage(lines int, depth uint8) (page, error) {
	p := page{lines: uint8(lines), depth: depth}
	for i := range p.pieces() {
		off, err := x.a.alloc(p.pieceBytes())
		if err != nil {
			p.lines = uint8(i * stripLines)
			x.bytes += int64(p.lines) * lineBytes
			x.freePage(&p)
			return page{}, err
		}
		clear(x.a.bytes(off, p.pieceBytes()))
		p.strips[i] = uint32(off / lineBytes)
	}
	x.bytes += int64(lines) * lineBytes
	return p, nil
}

// pieces is how many pieces of memory the page has.
func (p *page) pieces() int { return (int(p.lines) + stripLines - 1) / stripLines }

func (p *page) pieceBytes() int { return min(int(p.lines), stripLines) * lineBytes }

func (x *index) freePage(p *page) {
	for i := range p.pieces() {
		x.a.free(uint64(p.strips[i]) * lineBytes)
	}
	x.bytes -= int64(p.lines) * lineBytes
}

// grow gives the page of y more lines, or splits it.
func (x *index) grow(y uint64) error {
	p := x.at(y)
	if p.lines < pageLinesMax {
		return x.resize(y, pageLines(int(p.lines)+max(1, int(p.lines)/8)))
	}
	if p.depth == depthMax {
		return errFull
	}
	return x.split(y)
}

// resize moves the slots of y's page into one of another size.
func (x *index) resize(y uint64, lines int) error {
	old := *x.at(y)
	p, err := x.newPage(lines, old.depth)
	if err != nil {
		return err
	}
	p.items = old.items
	to := [1]page{p}
	x.move(&old, to[:])
	from, n := x.span(y)
	x.freePage(&old)
	for i := range n {
		x.dir[from+i] = p
	}
	return nil
}

// move copies the slots of a page into the empty one that takes its place, or into two, by the next bit of the hash. It
// counts the slots of each line, so that it need not look for the first empty one.
func (x *index) move(old *page, to []page) {
	var used [2][pageLinesMax]uint8
	second := uint64(len(to) - 1)
	for m := range uint(old.lines) {
		for _, v := range x.line(old, m) {
			if v == 0 {
				break
			}
			half := v << old.depth >> 63 & second
			p, used := &to[half], &used[half]
			n := p.home(v &^ posMask)
			for used[n%pageLinesMax] == lineSlots {
				n = p.after(n)
			}
			x.line(p, n)[used[n%pageLinesMax]] = v
			used[n%pageLinesMax]++
		}
	}
}

// shrink gives lines back where the page of y has become half empty.
func (x *index) shrink(y uint64) {
	p := x.at(y)
	if p.lines > 1 && int(p.items)*2 < int(p.lines)*(lineSlots-2) {
		// Where there is no room for the smaller page, the larger one stays.
		_ = x.resize(y, linesFor(int(p.items)))
	}
}

// each calls do with every slot of a page.
func (x *index) each(p *page, do func(v uint64)) {
	for n := range uint(p.lines) {
		for _, v := range x.line(p, n) {
			if v == 0 {
				break
			}
			do(v)
		}
	}
}

// split divides the page of y by the next bit of the hash.
func (x *index) split(y uint64) error {
	old := *x.at(y)
	if old.depth == x.depth {
		x.double()
	}
	var items [2]int
	bit := func(v uint64) uint64 { return v << old.depth >> 63 }
	x.each(&old, func(v uint64) { items[bit(v)]++ })
	var half [2]page
	for i := range half {
		p, err := x.newPage(linesFor(items[i]), old.depth+1)
		if err != nil {
			if i == 1 {
				x.freePage(&half[0])
			}
			return err
		}
		p.items = uint16(items[i])
		half[i] = p
	}
	x.move(&old, half[:])
	from, n := x.span(y)
	x.freePage(&old)
	for i := range n {
		x.dir[from+i] = half[i*2/n]
	}
	if x.at(y).full() {
		return x.grow(y)
	}
	return nil
}

// double lets the directory tell apart one more bit.
func (x *index) double() {
	dir := make([]page, 2*len(x.dir))
	for i := range dir {
		dir[i] = x.dir[i/2]
	}
	x.bytes += int64(len(x.dir)) * int64(unsafe.Sizeof(page{}))
	x.dir = dir
	x.depth++
}

// release gives the last page back; what is left is no index any more. It reports false when there was none.
func (x *index) release() bool {
	n := len(x.dir)
	if n == 0 {
		return false
	}
	p := x.dir[n-1]
	x.dir = x.dir[:n-1<<(x.depth-p.depth)]
	x.freePage(&p)
	if len(x.dir) == 0 {
		*x = index{a: x.a, skip: x.skip}
	}
	return true
}
