package local

import (
	"context"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// space is one life of one cache: its shards, its bounds, and what it has lost.
type space struct {
	id      hearth.Space
	layout  atomic.Pointer[layout]
	bytes   atomic.Int64 // what its shards have reported
	floor   atomic.Int64
	ceiling atomic.Int64
	weight  atomic.Int64
	item    atomic.Int64  // bytes of key and value of the largest item; 0 is no limit
	hand    atomic.Uint32 // the shard to evict from next
	follow  atomic.Bool
	kept    atomic.Bool // nothing is evicted from it
	evicted [engine.EvictionCauses]atomic.Int64
	expired atomic.Int64
	tags    generations
	flushed atomic.Pointer[flushed] // what it followed; nil is nothing
}

// layout is how a space is divided: by the leading bits of the hash.
type layout struct {
	shards []*shard
	shift  uint8
}

// spaces finds a space by its number.
type spaces struct {
	hot [256]atomic.Pointer[space] // the last space seen of each number's last byte

	mu      sync.RWMutex // guards the rest
	live    map[hearth.Space]*space
	dropped map[hearth.Space]uint64 // a bit for each space that is no more, by its number over 64
	list    []*space                // the live ones, for choosing whom to evict from
	place   map[hearth.Space]int    // of each in list
}

// Where a space is spread over its shards: few items, so that nobody waits long for it.
const (
	spreadItems = 2 << 10
	spreadBytes = 256 << 10
)

// get returns a space that exists.
func (t *spaces) get(id hearth.Space) *space {
	slot := &t.hot[id%256]
	if sp := slot.Load(); sp != nil && sp.id == id {
		return sp
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	sp := t.live[id]
	if sp != nil {
		slot.Store(sp)
	}
	return sp
}

// space returns a space, made if need be; a space that was dropped is one that keeps nothing.
func (e *Engine) space(id hearth.Space) *space {
	t := &e.spaces
	if sp := t.get(id); sp != nil {
		return sp
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if sp := t.live[id]; sp != nil {
		return sp
	}
	sp := &space{id: id}
	sp.weight.Store(1)
	first := newShard(e, sp, 0, 0)
	sp.layout.Store(&layout{shards: []*shard{first}, shift: 64})
	if t.dropped[id/64]&(1<<(id%64)) != 0 {
		first.gone, sp.tags.closed = true, true
		return sp
	}
	t.live[id] = sp
	t.place[id] = len(t.list)
	t.list = append(t.list, sp)
	e.weights.Add(1)
	return sp
}

// lock returns the shard of a hash, locked.
func (sp *space) lock(h uint64) *shard {
	for {
		l := sp.layout.Load()
		s := l.shards[h>>l.shift]
		if !s.mu.TryLock() { // as in lock, which the compiler does not inline
			s.await()
		}
		if !s.moved {
			return s
		}
		s.mu.Unlock()
	}
}

// crowded reports whether the shard is all of its space and should be spread.
func (s *shard) crowded() bool {
	return s.skip == 0 && s.e.spread > 1 && (s.items >= spreadItems || s.total >= spreadBytes) && !s.gone && !s.moved
}

// divide spreads the items of a space's only shard, which is locked, over shards of their own.
func (s *shard) divide() {
	n := s.e.spread
	skip := uint8(bits.TrailingZeros(uint(n)))
	l := &layout{shards: make([]*shard, n), shift: 64 - skip}
	for i := range l.shards {
		l.shards[i] = newShard(s.e, s.sp, skip, uint64(i))
		l.shards[i].tagged = s.tagged
	}
	if err := s.moveTo(l); err != nil {
		for _, to := range l.shards {
			to.discard()
		}
		return
	}
	for h, m := range s.watch {
		to := l.shards[h>>l.shift]
		if to.watch == nil {
			to.watch = map[uint64]*mark{}
		}
		to.watch[h] = m
	}
	for _, to := range l.shards {
		to.report(true)
	}
	l.shards[0].events = s.events
	s.side, s.events = nil, nil
	s.discard()
	s.moved = true
	s.sp.layout.Store(l)
	// A sweep that looked at the old layout knows nothing of what expires in the new one.
	s.e.kick()
}

// moveTo copies every record, in the order of the queues. Blocks and collections only change their table.
func (s *shard) moveTo(l *layout) (err error) {
	for i := range s.queues {
		for seg := s.queues[i].first; seg != 0 && err == nil; seg = s.segment(seg).next {
			s.between(seg, 0, func(off uint64, r *record) bool {
				h := s.e.hash(r.key())
				err = l.shards[h>>l.shift].adopt(s, i, h, r)
				return err == nil
			})
		}
	}
	return err
}

// adopt copies a record of another shard, and its entry in the side table.
func (s *shard) adopt(from *shard, queue int, h uint64, r *record) error {
	n := r.bytes()
	off, err := s.append(&s.queues[queue], n)
	if err != nil {
		return err
	}
	copy(s.a.bytes(off, n), r.slice(0, n))
	if err := s.insert(h, off); err != nil {
		return err
	}
	to := s.record(off)
	if r.side() {
		to.setSideNumber(s.addSide(from.side[r.sideNumber()]))
	}
	s.dueAt(off, r.expiry())
	return nil
}

// discard gives back all memory of a shard, but not what its side table names.
func (s *shard) discard() {
	s.side, s.spare, s.blocks, s.heap = nil, nil, 0, 0
	for s.bury() {
	}
	s.due.Store(never)
	s.report(true)
}

// vacate gives up the logs and the index, which are empty. Run gives their memory back piece by piece.
func (s *shard) vacate() {
	dead := newShard(s.e, &space{}, s.skip, s.part)
	dead.index, dead.queues = s.index, s.queues
	s.index = index{a: s.a, skip: s.skip}
	s.queues = [2]queue{{number: small}, {number: main}}
	s.lap = lap{}
	s.laps.Store(false)
	s.report(true)
	dead.report(true)
	s.e.graves.add(dead)
}

// unlog gives back the oldest segment of either log.
func (s *shard) unlog() bool {
	for i := range s.queues {
		if first := s.queues[i].first; first != 0 {
			s.freeSegment(first)
			return true
		}
	}
	return false
}

// unindex gives back a page of the index. It reports false when there is none.
func (s *shard) unindex() bool {
	if s.remnant != nil {
		return s.remnant.unindex(s)
	}
	return s.index.release()
}

// bury gives back one piece of what the shard holds. It reports false where there is nothing.
func (s *shard) bury() bool {
	if n := len(s.side); n > 0 {
		d := s.side[n-1]
		s.side = s.side[:n-1]
		if d.block == nil {
			s.heap -= d.bytes
			return true
		}
		s.blocks -= d.bytes
		d.block.Release()
		return true
	}
	return s.unlog() || s.unindex() || s.past.release(stripsMax)
}

// Drop implements engine.Engine. The memory follows in the background.
func (e *Engine) Drop(_ context.Context, id hearth.Space) error {
	sp := e.remove(id)
	if sp == nil {
		return nil
	}
	e.countTags(sp, sp.tags.close())
	sp.close(0)
	if known := sp.flushed.Load(); known != nil {
		for _, f := range known {
			e.forget(f)
		}
	}
	e.kick()
	return nil
}

// remove takes a space out of those that exist, for good, and returns it; nil where it did not exist.
func (e *Engine) remove(id hearth.Space) *space {
	t := &e.spaces
	t.mu.Lock()
	defer t.mu.Unlock()
	sp := t.live[id]
	t.dropped[id/64] |= 1 << (id % 64)
	if sp == nil {
		return nil
	}
	delete(t.live, id)
	i, last := t.place[id], t.list[len(t.list)-1]
	t.list[i], t.place[last.id] = last, i
	t.list = t.list[:len(t.list)-1]
	delete(t.place, id)
	t.hot[id%256].CompareAndSwap(sp, nil)
	e.weights.Add(-sp.weight.Load())
	return sp
}

// close takes the items out of every shard of a dropped space, so that nobody sees them who found the space before. It
// returns what is to be remembered of them in so many bytes, nil where that is nothing.
func (sp *space) close(bytesMax int64) *flush {
	for {
		l := sp.layout.Load()
		f, items := &flush{shift: l.shift, parts: make([]remnant, len(l.shards))}, 0
		for i, s := range l.shards {
			s.lock()
			if !s.gone {
				s.gone = true
				items += s.items
				dead := s.takeOut()
				if bytesMax > 0 && dead.items > 0 {
					f.parts[i].begin(dead, bytesMax/int64(len(l.shards)))
				}
				s.e.graves.add(dead)
			}
			s.mu.Unlock()
		}
		switch {
		case sp.layout.Load() != l: // and the items are in the shards of a newer one
		case bytesMax > 0 && items > 0:
			return f
		default:
			return nil
		}
	}
}

// takeOut empties the shard, and returns another one that holds what was in it and belongs to no space.
func (s *shard) takeOut() *shard {
	dead := newShard(s.e, &space{}, s.skip, s.part)
	dead.index, dead.queues, dead.past = s.index, s.queues, s.past
	dead.side, dead.blocks, dead.heap = s.side, s.blocks, s.heap
	dead.lap, s.lap = s.lap, lap{}
	dead.laps.Store(dead.lap.on)
	s.laps.Store(false)
	dead.logical, dead.physical, dead.total = s.logical, s.physical, s.total
	s.sp.bytes.Add(-s.total)
	s.index = index{a: s.a, skip: s.skip}
	s.queues = [2]queue{{number: small}, {number: main}}
	s.past, s.side, s.spare, s.blocks, s.heap = past{a: s.a}, nil, nil, 0, 0
	s.logical, s.physical, s.total = 0, 0, 0
	s.due.Store(never)
	for _, m := range s.watch {
		m.version++
	}
	return dead
}

// graves are shards of dropped spaces whose memory is still to be given back.
type graves struct {
	mu   sync.Mutex // guards the rest
	dead []*shard
}

func (g *graves) add(s *shard) {
	g.mu.Lock()
	g.dead = append(g.dead, s)
	g.mu.Unlock()
}

// dig gives back some pieces of memory, and returns how many; there may be more unless it is none. Others who need memory
// wait: what is being given back must not cost them an item.
func (g *graves) dig() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	last := len(g.dead) - 1
	if last < 0 {
		return 0
	}
	s := g.dead[last]
	for from := s.size(); n < takeSteps && from-s.size() < digBytes; n++ {
		if !s.bury() {
			g.dead[last] = nil
			g.dead = g.dead[:last]
			n++
			break
		}
	}
	s.report(true)
	return n
}

// digBytes is how much more is not given back in one go.
const digBytes = 1 << 20
