package local

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// The queues of a shard: new items, and those that were asked for again.
const (
	small = iota
	main
)

// shard is a part of a space: items whose hashes begin alike. A space starts with one and is spread over several when
// it has grown.
type shard struct {
	mu    sync.Mutex  // guards the rest; held for one command
	swept atomic.Bool // Run has it, or is about to
	index
	e       *Engine
	sp      *space
	number  uint64 // orders the locks of transactions
	moved   bool   // its items are in the shards of a newer layout now
	gone    bool   // its space was dropped
	tagged  bool   // it has held an item with tags
	queues  [2]queue
	past    past
	remnant *remnant // of a shard that a flush took from its space: what its index says is kept there
	side    []side   // large values and collections, which records name by number
	spare   []uint32
	blocks  int64        // bytes of the blocks in side
	heap    int64        // bytes of the collections in side
	due     atomic.Int64 // the earliest expiry; never is none
	waste   atomic.Bool  // there are sparse segments
	empty   atomic.Bool  // the last item has gone
	wrote   int          // bytes that the command under way has added
	lap     lap          // of the sweep that takes out what has expired
	laps    atomic.Bool  // lap.on, for who does not hold mu
	part    uint64       // which of the shards: the leading bits of its hashes
	tune    tuner
	spared  int64  // bytes of large items that others have to catch up with: see rests
	again   uint64 // the first record that has moved on since somebody began to make room
	watch   map[uint64]*mark
	events  []engine.Event
	entry   value.Entry

	logical, physical, total int64 // what the engine and the space were last told
}

// side is what a record cannot hold: a block, or a collection of Go's heap.
type side struct {
	block *value.Block
	coll  value.Collection
	bytes int64
	queue uint32 // that its record is in
}

// heapFactor is what a byte of a collection costs with the collector's headroom, in halves: see GCPercent.
const heapFactor = 3

// lock locks the shard for a caller. Run leaves it after a few records: for so long a caller tries, where Go's own mutex
// would have its thread sleep, from which it may wake milliseconds late.
func (s *shard) lock() {
	if !s.mu.TryLock() {
		s.await()
	}
}

// await waits for the lock. Where Run has it, the kernel may have taken Run's processor away for another thread: a caller that
// gives way, and tries again, has it long before one that sleeps, whose own processor then stands idle until the kernel's next
// tick. Between callers, who are gone sooner, trying is slower.
func (s *shard) await() {
	for begun := time.Now(); s.swept.Load(); {
		for range awaitTries {
			if s.mu.TryLock() {
				return
			}
		}
		waited := time.Since(begun)
		if waited > awaitYields {
			break
		}
		if waited > awaitRun {
			_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
		}
	}
	s.mu.Lock()
}

// How long a caller tries to get a shard from Run, first by itself, then giving way, before its goroutine sleeps.
const (
	awaitRun    = 50 * time.Microsecond
	awaitYields = 2 * time.Millisecond
	awaitTries  = 64 // between looks at the clock
)

func newShard(e *Engine, sp *space, skip uint8, part uint64) *shard {
	s := &shard{e: e, sp: sp, number: e.shards.Add(1), part: part}
	s.a, s.past.a, s.skip, s.tune = e.arena, e.arena, skip, newTuner()
	s.due.Store(never)
	s.queues[main].number = main
	return s
}

// bytes is what the shard holds: records, index, memory of the past, blocks and collections.
func (s *shard) size() int64 {
	return s.queues[small].live + s.queues[main].live + s.index.bytes + s.past.bytes() + s.blocks + s.heap
}

// report tells the engine and the space what changed, when it is worth it.
func (s *shard) report(always bool) {
	total := s.size()
	by := total - s.total
	if !always && by < s.e.grain && -by < s.e.grain {
		return
	}
	s.total = total
	s.sp.bytes.Add(by)
	logical, physical := total-s.blocks, s.heap
	s.e.logical.Add(logical - s.logical)
	s.e.heap.Add(physical - s.physical)
	s.logical, s.physical = logical, physical
}

// find returns the slot and the record of a key. One that has expired or was
// invalidated is taken out: it is never seen.
func (s *shard) lookup(h uint64, key []byte, now int64) (*uint64, *record) {
	slot, r := s.find(h, key)
	switch {
	case r == nil || r.meta&(expiryBit|attrsBit) == 0:
	case r.expired(now):
		s.expire(h, slot, r)
		return nil, nil
	case s.stale(r):
		s.invalidate(h, slot, r)
		return nil, nil
	}
	return slot, r
}

// load makes en the item of r, nothing where r is nil. It reports false for a collection that has no element left
// because all have expired.
func (s *shard) load(en *value.Entry, r *record, now int64) {
	switch {
	case r == nil:
		en.Load(value.None, 0, nil, nil, nil, value.Attrs{})
	case !r.side() && r.kind() == value.Scalar:
		en.Load(value.Scalar, r.expiry(), r.value(), nil, nil, r.attrs())
	case !r.side():
		en.LoadPacked(r.kind(), r.expiry(), r.value(), r.attrs())
	default:
		d := &s.side[r.sideNumber()]
		switch {
		case d.coll != nil:
			en.Load(r.kind(), r.expiry(), nil, nil, d.coll, r.attrs())
		case r.kind() == value.Scalar:
			en.Load(value.Scalar, r.expiry(), nil, d.block, nil, r.attrs())
		default:
			en.LoadPacked(r.kind(), r.expiry(), d.block.Bytes(), r.attrs())
		}
	}
}

// apply runs a command on one key, under the shard's lock.
func (s *shard) apply(h uint64, o op.Op, now int64, r *op.Reply) error {
	en := &s.entry
	sl, rec := s.present(h, o.Key(), now)
	s.load(en, rec, now)
	if rec != nil {
		rec.used() // now: once the command has happened, its memory may be another shard's
	}
	err := s.sp.fits(o, en)
	if err == nil {
		err = happen(en, o, now, r)
	}
	if r.Status == op.Hit {
		r.Expiry = en.Expiry()
	}
	if rec == nil && r.Status == op.Miss && r.Cause == op.Unknown {
		r.Cause = s.cause(h)
	}
	switch {
	case err == nil:
		return s.keep(en, h, o.Key(), sl, rec)
	case engine.Panicked(err) != nil:
		s.abandon(h, sl, rec)
	}
	return err
}

// happen is the command itself, whose panic is an error.
func happen(en *value.Entry, o op.Op, now int64, r *op.Reply) (err error) {
	panics := true // asking the runtime each time would cost ten nanoseconds
	defer func() {
		if panics {
			err = engine.NewPanic(o, recover())
		}
	}()
	err = o.Apply(en, now, r)
	panics = false
	return err
}

// abandon takes an item out that a command has panicked on, if it is a collection that the command may have changed in
// part: nobody knows what is in it.
func (s *shard) abandon(h uint64, sl *uint64, rec *record) {
	if rec != nil && rec.side() && s.side[rec.sideNumber()].coll != nil {
		s.lose(h, sl, rec, engine.OverMemory, main)
	}
}

// present is lookup that also takes out a dictionary all of whose fields have expired.
func (s *shard) present(h uint64, key []byte, now int64) (*uint64, *record) {
	sl, r := s.lookup(h, key, now)
	if r == nil || r.kind() != value.Dictionary {
		return sl, r
	}
	s.load(&s.entry, r, now)
	if value.Gone(s.entry.Collection(), now) {
		s.expire(h, sl, r)
		return nil, nil
	}
	return sl, r
}

func (s *shard) cause(h uint64) op.Cause {
	if s.gone {
		return op.Flushed
	}
	cause := s.past.cause(h)
	if cause == op.NeverSeen && s.sp.flushed.Load().took(s.a, h) {
		return op.Flushed
	}
	return cause
}

// keep writes back what a command did to an entry.
func (s *shard) keep(en *value.Entry, h uint64, key []byte, sl *uint64, rec *record) error {
	change := en.Change()
	switch {
	case change == value.Unchanged || s.gone:
		return nil
	case change == value.Deleted:
		if rec != nil {
			s.past.add(h, memory{cause: op.WasDeleted}, s.items)
			s.remove(h, sl, rec)
			s.tell(engine.ItemDeleted, key)
			s.marked(h)
		}
		return nil
	}
	d := draft{kind: en.Kind(), expiry: en.Expiry(), attrs: en.Attrs(), key: key}
	number, err := s.content(&d, en, rec)
	if err != nil {
		return err
	}
	var buf [4]byte
	if d.side {
		binary.LittleEndian.PutUint32(buf[:], number)
		d.value = buf[:]
	}
	if err := s.store(h, sl, rec, &d); err != nil {
		if d.side && !(rec != nil && rec.side() && rec.sideNumber() == number) {
			s.dropSide(number)
		}
		return err
	}
	if change == value.Written {
		s.tell(engine.ItemSet, key)
	}
	s.marked(h)
	return nil
}

// content puts the entry's value into d: as bytes, or as the number of an entry in the side table.
func (s *shard) content(d *draft, en *value.Entry, rec *record) (number uint32, err error) {
	var v []byte
	if c := en.Collection(); c != nil {
		packed, ok := c.Packed()
		if !ok {
			d.side = true
			return s.keepCollection(c, rec), nil
		}
		v = packed
	} else if v, err = en.Bytes(); err != nil {
		return 0, err
	}
	if len(v) < blockMin {
		d.value = v
		return 0, nil
	}
	d.side = true
	b := en.Block()
	if b != nil {
		b.Retain()
	} else if b, err = s.e.blocks.alloc(len(v), anyway); err != nil {
		return 0, err
	} else {
		copy(b.Bytes(), v)
	}
	s.wrote += len(v)
	return s.addSide(side{block: b, bytes: pagesUp(int64(len(v)))}), nil
}

// keepCollection counts a large collection, and returns its number.
func (s *shard) keepCollection(c value.Collection, rec *record) uint32 {
	bytes := c.Bytes() * heapFactor / 2
	if rec != nil && rec.side() {
		n := rec.sideNumber()
		if d := &s.side[n]; d.coll == c {
			s.wrote += int(max(0, bytes-d.bytes))
			s.heap += bytes - d.bytes
			s.queues[d.queue].side += bytes - d.bytes
			d.bytes = bytes
			return n
		}
	}
	s.wrote += int(bytes)
	return s.addSide(side{coll: c, bytes: bytes})
}

func (s *shard) addSide(d side) uint32 {
	if d.coll != nil {
		s.heap += d.bytes
	} else {
		s.blocks += d.bytes
	}
	s.queues[d.queue].side += d.bytes
	if n := len(s.spare); n > 0 {
		number := s.spare[n-1]
		s.spare = s.spare[:n-1]
		s.side[number] = d
		return number
	}
	s.side = append(s.side, d)
	return uint32(len(s.side) - 1)
}

func (s *shard) dropSide(number uint32) {
	d := s.side[number]
	s.queues[d.queue].side -= d.bytes
	s.side[number] = side{}
	s.spare = append(s.spare, number)
	if d.coll != nil {
		s.heap -= d.bytes
		return
	}
	s.blocks -= d.bytes
	d.block.Release()
}

// assign notes which queue the record of an entry is in.
func (s *shard) assign(number uint32, q *queue) {
	d := &s.side[number]
	s.queues[d.queue].side -= d.bytes
	d.queue = q.number
	q.side += d.bytes
}

// store makes d the record of its key: in the place of the old one where that is possible.
func (s *shard) store(h uint64, sl *uint64, old *record, d *draft) error {
	if old != nil && !d.side && d.kind == value.Scalar && old.kind() == value.Scalar && !d.attrs.Any() && old.rewrite(d.expiry, d.value) {
		s.dueAt(pos(*sl), d.expiry)
		return nil
	}
	same := old != nil && d.side && old.side() && old.sideNumber() == binary.LittleEndian.Uint32(d.value)
	if same && d.expiry == old.expiry() && !d.attrs.Any() && old.meta&attrsBit == 0 {
		return nil
	}
	n := d.bytes()
	if n > recordMax {
		return &hearth.Error{Kind: hearth.Limited, Limit: hearth.ItemSize, Msg: "key and attributes of the item are too long"}
	}
	var q *queue
	if old == nil {
		q = s.entrance(h, d)
	} else {
		q = &s.queues[s.segment(s.a.start(pos(*sl))).queue]
		d.uses = old.uses()
	}
	s.wrote += n
	off, err := s.append(q, n)
	if err != nil {
		return err
	}
	s.record(off).write(d)
	s.tagged = s.tagged || len(d.attrs.Tags) > 0
	if d.side {
		s.assign(binary.LittleEndian.Uint32(d.value), q)
	}
	if old == nil {
		if err := s.insert(h, off); err != nil {
			s.kill(off)
			return err
		}
	} else {
		if old.side() && !same {
			s.dropSide(old.sideNumber())
		}
		s.kill(pos(*sl))
		*sl = slot(h<<s.skip, off)
	}
	s.dueAt(off, d.expiry)
	return nil
}

// remove takes an item out.
func (s *shard) remove(h uint64, sl *uint64, r *record) {
	if r.side() {
		s.dropSide(r.sideNumber())
	}
	s.kill(pos(*sl))
	s.index.remove(h, sl)
	if s.items == 0 {
		s.empty.Store(true)
		s.e.kick()
	}
}

// expire takes an item out because its time has come.
func (s *shard) expire(h uint64, sl *uint64, r *record) {
	s.past.add(h, memory{cause: op.Expired}, s.items)
	s.tell(engine.ItemExpired, r.key())
	s.remove(h, sl, r)
	s.marked(h)
	s.sp.expired.Add(1)
}
