package valkey

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hearthcache/hearth/respwire"
)

// crowd asks for keys as a gateway does: what is hot is remembered for as long as a reply is trusted, and not counted meanwhile.
type crowd struct {
	heat  heat
	rng   *rand.Rand
	until map[uint64]time.Duration // by hash, of what is remembered
}

// read asks for one of some keys at random, and reports whether it was remembered.
func (c *crowd) read(hashes []uint64, now time.Duration) bool {
	h := hashes[c.rng.IntN(len(hashes))]
	if now < c.until[h] {
		return true
	}
	if c.heat.hot(h, now) {
		c.until[h] = now + nearTTL
	}
	return false
}

// Thousands of keys that are each read a hundred times a second are found hot within a fraction of it, among many that are
// not, and those others are not found hot.
func TestHeat(t *testing.T) {
	check := func(hot, cold int, reads, want float64) {
		t.Helper()
		c := crowd{rng: rand.New(rand.NewPCG(1, uint64(hot))), until: map[uint64]time.Duration{}}
		all := make([]uint64, hot+cold)
		for i := range all {
			all[i] = c.rng.Uint64()
		}
		const eachSecond = 100 // of each hot key; as many of the cold ones together
		n := hot * eachSecond
		hits, asked := 0, 0
		for i := range int(reads * float64(n)) {
			now := 300*time.Millisecond + time.Duration(i)*time.Second/time.Duration(n) // a second ends meanwhile
			if c.read(all[:hot], now) {
				hits++
			}
			asked++
			if cold > 0 {
				c.read(all[hot:], now)
			}
		}
		if share := float64(hits) / float64(asked); share < want {
			t.Errorf("%d hot keys among %d: %.3f of reads are hits, want %.3f", hot, cold, share, want)
		}
		wrong := 0
		for _, h := range all[hot:] {
			if c.until[h] > 0 {
				wrong++
			}
		}
		if wrong > cold/100 {
			t.Errorf("%d hot keys among %d: %d are hot that are not", hot, cold, wrong)
		}
	}
	check(200, 0, 1, 0.90) // eight or nine of a hundred reads are needed to find a key hot
	check(5000, 0, 1, 0.90)
	check(5000, 0, 3, 0.96)
	check(5000, 1_000_000, 1, 0.85)
	check(20_000, 0, 1, 0.85)
}

// What is read seldom is never hot, and what was hot is not when it is read again much later.
func TestHeatCools(t *testing.T) {
	var h heat
	for i := range 1000 {
		if h.hot(7, time.Duration(i)*250*time.Millisecond) {
			t.Fatalf("four reads a second are hot after %d", i)
		}
	}
	now := time.Hour
	for !h.hot(7, now) {
	}
	if h.hot(7, now+5*time.Second) {
		t.Error("a key is hot that nobody has read for five seconds")
	}
}

// A reply that has come to its end is asked for anew by the first read that comes soon after, without a count from zero.
func TestNearAgain(t *testing.T) {
	n := newNear(1 << 20)
	const end = 10 * time.Second
	args := [][]byte{[]byte("GET"), []byte("h:1:k")}
	n.keep(&nearItem{hash: n.hash(1, []byte("k")), space: 1, command: "GET", key: "k", until: end, bytes: 1,
		reply: []respwire.Value{{Type: '$', Str: []byte("v")}}})
	check := func(now time.Duration, remembered, hot bool) {
		t.Helper()
		if reply, is := n.look(args, now); (reply != nil) != remembered || is != hot {
			t.Errorf("at %v: %v, hot %v", now, reply, is)
		}
	}
	check(end-1, true, false)
	check(end, false, true)
	check(end+nearAgain-1, false, true)
	check(end+nearAgain, false, false)
}
