package valkey

import (
	"sync/atomic"
	"time"
)

// heat counts the reads of keys that are not remembered, to find those that are worth it. A key may have any slot of its
// bucket, so that many hot keys find room beside each other; what all others do to a full bucket is bring its coldest slot down,
// which is theirs once nothing is left in it. Reads at the same moment may count as one.
type heat [heatBuckets * heatWays]atomic.Uint64

const (
	heatBuckets = 4096
	heatWays    = 8 // the slots of a bucket: a line of the processor's cache
	hotReads    = 8 // in one second: from then on a key is worth remembering
)

// What a slot holds: the second, a part of the key's hash, the count.
const (
	heatSecond = 0xffff << 48
	heatMark   = 0xffffffff << 16
	heatCount  = 0xffff
)

// hot counts a read and reports whether the key is read so often that it is worth remembering.
func (h *heat) hot(hash uint64, now time.Duration) bool {
	second, mark := uint64(now/time.Second)<<48, hash>>32<<16
	first := hash % heatBuckets * heatWays
	bucket := h[first : first+heatWays]
	var coldest *atomic.Uint64
	least, whose := uint64(heatCount)+1, uint64(0)
	for i := range bucket {
		old := bucket[i].Load()
		count := countAt(old, second)
		if count > 0 && old&heatMark == mark {
			count = min(count+1, heatCount)
			bucket[i].Store(second | mark | count)
			return count > hotReads
		}
		if count < least {
			coldest, least, whose = &bucket[i], count, old&heatMark
		}
	}
	if least > 1 {
		coldest.Store(second | whose | (least - 1))
		return false
	}
	coldest.Store(second | mark | 1)
	return false
}

// countAt is what is left of a slot's count: what was hot a moment ago still is, half of it with every second.
func countAt(slot, second uint64) uint64 {
	return slot & heatCount >> ((second - slot&heatSecond) >> 48)
}
