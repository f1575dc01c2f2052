package valkey

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
)

// inTable returns how many items the chains lead to. The caller holds mu.
func (n *near) inTable() (items int) {
	t := n.table.Load()
	for i := range *t {
		for it := (*t)[i].Load(); it != nil; it = it.next.Load() {
			items++
		}
	}
	return items
}

func (n *near) keepText(s hearth.Space, command, key, text string, bytes int64) {
	n.keep(&nearItem{hash: n.hash(s, []byte(key)), space: s, command: command, key: key, until: n.now() + time.Hour, bytes: bytes,
		reply: []respwire.Value{{Type: '$', Str: []byte(text)}}})
}

func (n *near) findText(s hearth.Space, command, key string) string {
	it := n.find(n.hash(s, []byte(key)), s, command, []byte(key))
	if it == nil || !it.trusted(n.now()) {
		return ""
	}
	return string(it.reply[0].Str)
}

// Items of one key in several spaces and by several commands are several, and a key is forgotten in its space with all of them.
func TestNearTable(t *testing.T) {
	n := newNear(1 << 30)
	const keys = 5 * nearChainsMin // the table grows
	for i := range keys {
		for _, s := range []hearth.Space{1, 2} {
			n.keepText(s, "GET", fmt.Sprint(i), fmt.Sprintf("get%d%d", s, i), 1)
			n.keepText(s, "HGETALL", fmt.Sprint(i), fmt.Sprintf("all%d%d", s, i), 1)
		}
	}
	if got := n.inTable(); got != 4*keys || n.bytes != 4*keys || len(*n.table.Load()) < keys {
		t.Fatalf("%d items, %d bytes, %d chains", got, n.bytes, len(*n.table.Load()))
	}
	for i := range keys {
		if i%3 == 0 {
			n.forget(fmt.Sprintf("h:1:%d", i))
		}
	}
	n.keepText(2, "GET", "7", "anew", 1)
	for i := range keys {
		k := fmt.Sprint(i)
		want := [4]string{"get1" + k, "all1" + k, "get2" + k, "all2" + k}
		if i%3 == 0 {
			want[0], want[1] = "", ""
		}
		if i == 7 {
			want[2] = "anew"
		}
		if got := [4]string{n.findText(1, "GET", k), n.findText(1, "HGETALL", k), n.findText(2, "GET", k), n.findText(2, "HGETALL", k)}; got != want {
			t.Fatalf("%s: %q, want %q", k, got, want)
		}
	}
	if n.findText(3, "GET", "1") != "" || n.findText(1, "SMEMBERS", "1") != "" {
		t.Error("something is found that nobody has kept")
	}
	n.forgetAll(nil)
	if n.inTable() != 0 || n.bytes != 0 || n.count.Load() != 0 || n.order.Len() != 0 {
		t.Errorf("%d items, %d bytes, %d counted are left", n.inTable(), n.bytes, n.count.Load())
	}
}

// Readers that hold no lock see what a key has had at some time while they looked, and nothing once it was forgotten, while
// others keep, forget and evict, and the table grows under them.
func TestNearTableWithoutLock(t *testing.T) {
	n := newNear(1 << 20)
	const keys = 64
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for r := range 2 {
		readers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(r)))
			for {
				select {
				case <-stop:
					return
				default:
				}
				k := fmt.Sprint("k", rng.IntN(keys))
				if got := n.findText(1, "GET", k); got != "" && got[:len(k)] != k {
					t.Errorf("%s has %q", k, got)
					return
				}
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			for i := range 20_000 {
				k := fmt.Sprint("k", 2*(i%(keys/2))+w) // each writer its own
				n.keepText(1, "GET", k, k+" ", 100)
				n.keepText(1, "GET", fmt.Sprint("other", w, i), "other", 200) // grows, and evicts
				if n.forget("h:1:" + k); n.findText(1, "GET", k) != "" {
					t.Errorf("%s was forgotten", k)
					return
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if n.inTable() != n.order.Len() || n.bytes > n.bytesMax || len(*n.table.Load()) <= nearChainsMin {
		t.Errorf("%d in chains, %d in order, %d bytes, %d chains", n.inTable(), n.order.Len(), n.bytes, len(*n.table.Load()))
	}
}
