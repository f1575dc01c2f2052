package trace

// policy is a simulated cache of so many bytes. It keeps keys and sizes only.
type policy interface {
	// request reports a hit, or takes the object in.
	request(key uint64, size int64) bool
}

// node is an object in a list.
type node struct {
	key        uint64
	size       int64
	uses       int
	in         *list
	prev, next *node
}

// list is a queue of objects, from the youngest (front) to the oldest.
type list struct {
	root  node
	bytes int64
}

func newList() *list {
	l := &list{}
	l.root.prev, l.root.next = &l.root, &l.root
	return l
}

func (l *list) push(n *node) {
	n.in, n.prev, n.next = l, &l.root, l.root.next
	n.prev.next, n.next.prev = n, n
	l.bytes += n.size
}

func (l *list) remove(n *node) {
	n.prev.next, n.next.prev = n.next, n.prev
	n.in = nil
	l.bytes -= n.size
}

func (l *list) oldest() *node {
	if n := l.root.prev; n != &l.root {
		return n
	}
	return nil
}

// queue is FIFO, and LRU where it is recent.
type queue struct {
	max    int64
	recent bool
	all    map[uint64]*node
	list   *list
}

func newFIFO(max int64) policy { return &queue{max: max, all: map[uint64]*node{}, list: newList()} }

func newLRU(max int64) policy {
	return &queue{max: max, recent: true, all: map[uint64]*node{}, list: newList()}
}

func (q *queue) request(key uint64, size int64) bool {
	if n := q.all[key]; n != nil {
		if q.recent {
			q.list.remove(n)
			q.list.push(n)
		}
		return true
	}
	if size > q.max {
		return false
	}
	for q.list.bytes+size > q.max {
		n := q.list.oldest()
		q.list.remove(n)
		delete(q.all, n.key)
	}
	n := &node{key: key, size: size}
	q.list.push(n)
	q.all[key] = n
	return false
}

// s3fifo is S3-FIFO as its authors publish it: a tenth for the small queue, two uses to move on, a ghost queue as large
// as the main one.
type s3fifo struct {
	max, smallMax      int64
	all, gone          map[uint64]*node
	small, main, ghost *list
}

func newS3FIFO(max int64) policy {
	return &s3fifo{
		max: max, smallMax: max / 10, all: map[uint64]*node{}, gone: map[uint64]*node{},
		small: newList(), main: newList(), ghost: newList(),
	}
}

func (c *s3fifo) request(key uint64, size int64) bool {
	if n := c.all[key]; n != nil {
		n.uses = min(3, n.uses+1)
		return true
	}
	if size > c.max {
		return false
	}
	for c.small.bytes+c.main.bytes+size > c.max {
		c.evict()
	}
	n := &node{key: key, size: size}
	c.all[key] = n
	if g := c.gone[key]; g != nil {
		c.ghost.remove(g)
		delete(c.gone, key)
		c.main.push(n)
		return false
	}
	c.small.push(n)
	return false
}

func (c *s3fifo) evict() {
	if c.main.oldest() == nil || c.small.bytes > c.smallMax && c.small.oldest() != nil {
		c.evictSmall()
		return
	}
	n := c.main.oldest()
	c.main.remove(n)
	if n.uses > 0 {
		n.uses--
		c.main.push(n)
		return
	}
	delete(c.all, n.key)
}

func (c *s3fifo) evictSmall() {
	n := c.small.oldest()
	c.small.remove(n)
	if n.uses > 1 {
		n.uses = 0
		c.main.push(n)
		return
	}
	delete(c.all, n.key)
	g := &node{key: n.key, size: n.size}
	c.gone[n.key] = g
	c.ghost.push(g)
	for c.ghost.bytes > c.max-c.smallMax {
		o := c.ghost.oldest()
		c.ghost.remove(o)
		delete(c.gone, o.key)
	}
}

// tinyLFU is W-TinyLFU: a window of a hundredth, and a segmented LRU that lets in from the window who was asked for
// more often than its own next victim.
type tinyLFU struct {
	max, windowMax, protectedMax int64
	all                          map[uint64]*node
	window, probation, protected *list
	sketch                       sketch
}

func newTinyLFU(bytesMax int64) policy {
	window := bytesMax / 100
	return &tinyLFU{
		max: bytesMax, windowMax: window, protectedMax: (bytesMax - window) * 8 / 10, all: map[uint64]*node{},
		window: newList(), probation: newList(), protected: newList(),
	}
}

func (c *tinyLFU) request(key uint64, size int64) bool {
	c.sketch.add(key, len(c.all))
	if n := c.all[key]; n != nil {
		c.use(n)
		return true
	}
	if size > c.max {
		return false
	}
	n := &node{key: key, size: size}
	c.all[key] = n
	c.window.push(n)
	for c.window.bytes > c.windowMax {
		o := c.window.oldest()
		c.window.remove(o)
		c.admit(o)
	}
	return false
}

// use makes an object the most recent of its part; one on probation is protected from now on.
func (c *tinyLFU) use(n *node) {
	l := n.in
	l.remove(n)
	if l == c.probation {
		l = c.protected
	}
	l.push(n)
	for c.protected.bytes > c.protectedMax {
		o := c.protected.oldest()
		c.protected.remove(o)
		c.probation.push(o)
	}
}

// admit puts a candidate on probation if it is worth more than those that must go for it.
func (c *tinyLFU) admit(n *node) {
	room := c.max - c.windowMax
	for c.probation.bytes+c.protected.bytes+n.size > room {
		victim := c.probation.oldest()
		if victim == nil {
			victim = c.protected.oldest()
		}
		if victim == nil || c.sketch.count(n.key) <= c.sketch.count(victim.key) {
			delete(c.all, n.key)
			return
		}
		victim.in.remove(victim)
		delete(c.all, victim.key)
	}
	c.probation.push(n)
}

// sketch counts how often keys were asked for, up to 15, in four rows of which the least is right; every so often all
// counts are halved.
type sketch struct {
	rows  [4][]uint8
	added int
}

const sketchMin = 1 << 10

func (s *sketch) add(key uint64, objects int) {
	if objects*2 >= len(s.rows[0]) {
		s.grow(max(sketchMin, 4*objects))
	}
	for i := range s.rows {
		if c := &s.rows[i][s.at(i, key)]; *c < 15 {
			*c++
		}
	}
	if s.added++; s.added < 10*max(objects, sketchMin/10) {
		return
	}
	s.added /= 2
	for i := range s.rows {
		for j := range s.rows[i] {
			s.rows[i][j] /= 2
		}
	}
}

// grow repeats what was counted, so that nothing is forgotten.
func (s *sketch) grow(n int) {
	size := sketchMin
	for size < n {
		size *= 2
	}
	for i, old := range s.rows {
		s.rows[i] = make([]uint8, size)
		for j := range s.rows[i] {
			if len(old) > 0 {
				s.rows[i][j] = old[j%len(old)]
			}
		}
	}
}

func (s *sketch) count(key uint64) uint8 {
	least := uint8(15)
	for i := range s.rows {
		least = min(least, s.rows[i][s.at(i, key)])
	}
	return least
}

func (s *sketch) at(row int, key uint64) int {
	h := (key + uint64(row)*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>31) * 0x94d049bb133111eb
	return int(h>>32) & (len(s.rows[row]) - 1)
}
