package topics

import (
	"sync"
	"unsafe"

	"github.com/hearthcache/hearth"
)

// topic is a numbered ring of messages and those who take from it.
type topic struct {
	name  string
	space *space

	mu     sync.Mutex // guards the rest, and next and parked of each sub; held for one step
	page   uint64
	next   uint64    // the place of the next message; see numbering
	used   int64     // when something last happened, in milliseconds
	buf    []message // circular: length messages from head on, the newest is number next-1
	head   int
	length int
	bytes  int64  // of the messages in the ring
	subs   []*sub // those before parked have found nothing and wait to be woken
	parked int
	gone   bool // forgotten, or its space was dropped

	numbering
}

// numbering tells the number of a message from its place in the topic. Places only grow; where messages are numbered
// here, both are the same. Where they are numbered elsewhere, numbers begin anew with a page.
type numbering struct {
	shift  uint64 // place - number, on the present page
	before uint64 // the same on the page before it
	turned uint64 // the first place of the present page
}

func (n *numbering) number(place uint64) uint64 {
	if place < n.turned {
		return place - n.before
	}
	return place - n.shift
}

// message is a Message as a ring keeps it.
type message struct {
	body Body
	time int64
}

const (
	messageCost = int64(unsafe.Sizeof(message{}))
	// topicCost is what a topic costs beside its name and ring: itself, its place in the map, the first slots.
	topicCost = int64(unsafe.Sizeof(topic{})) + 64 + ringFirst*messageCost
	ringFirst = 4
)

// newMessage copies a body that was borrowed. Bytes and key share one allocation.
func newMessage(b Body, now int64) message {
	kept := make([]byte, 0, len(b.Bytes)+len(b.Key))
	kept = append(append(kept, b.Bytes...), b.Key...)
	if b.Key != nil {
		b.Key = kept[len(b.Bytes):]
	}
	b.Bytes = kept[:len(b.Bytes):len(b.Bytes)]
	return message{body: b, time: now}
}

func (m *message) cost() int64 {
	return int64(len(m.body.Bytes)+len(m.body.Key)+len(m.body.Publisher)) + messageCost
}

func (t *topic) cost() int64 { return topicCost + int64(len(t.name)) }

// append numbers a message, makes room for it in the ring, and collects who is to be woken. It returns by how much the
// ring has grown.
func (t *topic) append(m message, wake *[]*sub) (grown int64) {
	before := t.bytes
	for t.length > 0 && (t.length == hearth.TopicRingMessagesMax || t.bytes+m.cost() > hearth.TopicRingBytesMax) {
		t.dropOldest()
	}
	if t.length == len(t.buf) {
		t.grow()
	}
	t.buf[(t.head+t.length)&(len(t.buf)-1)] = m
	t.length++
	t.bytes += m.cost()
	t.next++
	t.used = m.time
	*wake = append(*wake, t.subs[:t.parked]...)
	t.parked = 0
	return t.bytes - before
}

// grow doubles the slots, whose number stays a power of two.
func (t *topic) grow() {
	bigger := make([]message, max(ringFirst, 2*len(t.buf)))
	n := copy(bigger, t.buf[t.head:])
	copy(bigger[n:], t.buf[:t.head])
	t.buf, t.head = bigger, 0
}

func (t *topic) dropOldest() {
	m := &t.buf[t.head]
	t.bytes -= m.cost()
	*m = message{}
	t.head = (t.head + 1) & (len(t.buf) - 1)
	t.length--
}

// empty drops every message and the slots.
func (t *topic) empty() { t.buf, t.head, t.length, t.bytes = nil, 0, 0, 0 }

// first returns the place of the oldest message in the ring, next where it is empty.
func (t *topic) first() uint64 { return t.next - uint64(t.length) }

// start returns where a subscription begins that asks for a position, with the gap that it must be told of first.
func (t *topic) start(p Position) (next uint64, gap *Gap) {
	if p == (Position{}) {
		return t.next, nil
	}
	if place, ok := t.reach(p); ok {
		return place, nil
	}
	return t.first(), &Gap{Topic: t.name, Last: max(p.Sequence, 1) - 1, Next: t.number(t.first()), Page: t.page}
}

// reach returns the place of a position, and whether everything from there on is in the ring.
func (t *topic) reach(p Position) (place uint64, ok bool) {
	place = max(p.Sequence, 1) + t.shift
	return place, (p.Page == t.page || p.Page == 0) && t.first() <= place && place <= t.next
}

// take puts messages from place next on into ms and returns how many, the place after them, and a gap before them.
func (t *topic) take(next uint64, ms []Message, room int) (n int, after uint64, gap *Gap) {
	if first := t.first(); next < first {
		gap = &Gap{Topic: t.name, Last: t.number(next - 1), Next: t.number(first), Page: t.page}
		next = first
	}
	for ; n < len(ms) && next < t.next; n++ {
		m := &t.buf[(t.head+int(next-t.first()))&(len(t.buf)-1)]
		room -= len(m.body.Bytes)
		if n > 0 && room < 0 {
			break
		}
		ms[n] = Message{Topic: t.name, Sequence: next - t.shift, Page: t.page, Time: m.time, Body: m.body}
		next++
	}
	return n, next, gap
}

// add and remove keep subs in two parts, and each sub's index right.
func (t *topic) add(u *sub) {
	u.index = len(t.subs)
	t.subs = append(t.subs, u)
}

func (t *topic) remove(u *sub) {
	t.unpark(u)
	last := len(t.subs) - 1
	t.swap(u.index, last)
	t.subs[last] = nil
	t.subs = t.subs[:last]
	if cap(t.subs) > 64 && len(t.subs) < cap(t.subs)/4 {
		t.subs = append(make([]*sub, 0, cap(t.subs)/2), t.subs...)
	}
}

func (t *topic) park(u *sub) {
	if u.index >= t.parked {
		t.swap(u.index, t.parked)
		t.parked++
	}
}

func (t *topic) unpark(u *sub) {
	if u.index < t.parked {
		t.parked--
		t.swap(u.index, t.parked)
	}
}

func (t *topic) swap(i, j int) {
	t.subs[i], t.subs[j] = t.subs[j], t.subs[i]
	t.subs[i].index, t.subs[j].index = i, j
}

func (t *topic) info() Info {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Info{Name: t.name, Page: t.page, Next: t.number(t.next), Messages: t.length, Bytes: t.bytes, Subscribers: len(t.subs)}
}
