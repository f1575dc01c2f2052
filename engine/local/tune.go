package local

import "math"

// tuner learns from the keys that come back after their items were evicted how the logs should share a shard, and whom
// the main log should let in. It costs nothing an item: the table of the past remembers when an item went, by a clock
// for each log that ticks with the bytes evicted from it.
//
// The share of the small log grows with each key that comes back soon after it left that log, and shrinks with each that
// left the main one: both would still be there had their log been a little larger.
//
// Who comes back after the small log is let into the main one on trust. Whether the main log should trust shows in what
// becomes of these items and of those that must go for them: where fewer of the first are asked for than of the others
// come back, as in a loop that is longer than the cache, nothing is won by the exchange. Then they have to pass
// the small log again, but for a few, by which the judgement is kept up.
type tuner struct {
	since   [2]int64 // bytes evicted from each log since its clock ticked
	share   float32  // what the small log should have of the shard
	clock   [2]uint8
	trusted uint8 // items let into the main log on trust that have reached its end since,
	used    uint8 // and those of them that were asked for
	lost    uint8 // items that went from the main log unused,
	back    uint8 // and those that came back within the time that it would have kept them
	refused uint8 // comers since one was let in although they are not trusted
}

const (
	shareStart = 0.1
	shareMin   = 0.05
	shareMax   = 0.9
	shareStep  = 0.5 // of what an item has of the shard, with each key that comes back soon
	clockTicks = 16  // of a log's clock while the shard's own bytes are evicted from it
	soonTicks  = 1   // at most so many ago is soon: a tenth of the shard, about
	trustTicks = 24  // later than that nobody is let into a full main log on trust
	judgeMin   = 4   // items on either side before there is a judgement
	judgeMax   = 60  // items that a judgement is about; from there on the older ones count half
	judgeEvery = 8   // of the comers that are not trusted one is let in
)

func newTuner() tuner { return tuner{share: shareStart} }

// target is how many bytes the small log should have.
func (t *tuner) target(weight int64) int64 { return int64(t.share * float32(weight)) }

// gone notes that an item of so many bytes was evicted from a log of a shard with so many, and returns the time.
func (t *tuner) gone(queue int, bytes, weight int64) uint8 {
	if t.since[queue] += bytes; t.since[queue] > weight/clockTicks {
		t.since[queue] = 0
		t.clock[queue]++
	}
	if queue == main {
		count(&t.lost, &t.back)
	}
	return t.clock[queue]
}

// judged notes whether an item that was let in on trust has been asked for.
func (t *tuner) judged(used bool) {
	count(&t.trusted, &t.used)
	if used {
		t.used++
	}
}

// count adds one to all, of which part is a part.
func count(all, part *uint8) {
	if *all >= judgeMax {
		*all /= 2
		*part /= 2
	}
	*all++
}

// trusts reports whether items that come back are worth more to the main log than those that go for them.
func (t *tuner) trusts() bool {
	return t.trusted < judgeMin || t.lost < judgeMin || int(t.used)*int(t.lost) > int(t.back)*int(t.trusted)
}

// returned notes that a key is back that left a log of s at a time, and reports whether it enters the main log.
func (t *tuner) returned(s *shard, queue int, at uint8) bool {
	smallBytes, weight := s.queues[small].weight(), s.weight()
	ago := int(t.clock[queue] - at)
	if ago <= soonTicks {
		step := float32(shareStep) / float32(s.items+1)
		if queue == main {
			step = -step
		}
		t.share = min(max(t.share+step, shareMin), shareMax)
	}
	if queue == main {
		if int64(ago)*weight <= clockTicks*s.queues[main].weight() && t.back < math.MaxUint8 {
			t.back++
		}
		return false
	}
	// Where the main log has not got what it should have, there is room in it for whoever comes back.
	if ago > trustTicks && smallBytes <= 2*t.target(weight) {
		return false
	}
	if t.trusts() {
		return true
	}
	t.refused++
	return t.refused%judgeEvery == 0
}
