package valkey

import (
	"container/list"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
)

// nearTable finds items by their hash: chains, as many as a power of two. Whoever reads one needs no lock. An item that was
// taken out of its chain still leads on to those behind it, so a reader that has come to it finds its way; while chains are
// dealt out anew a reader may miss an item that is here, which costs it a question to the server.
type nearTable []atomic.Pointer[nearItem]

// nearItem is one reply.
type nearItem struct {
	hash    uint64
	space   hearth.Space
	command string
	key     string
	owner   *nearStore
	reply   []respwire.Value // one, as commands receive it; nobody writes to it
	until   time.Duration    // on near's clock
	bytes   int64

	next  atomic.Pointer[nearItem] // in its chain
	read  atomic.Bool              // since it was last considered for eviction
	again atomic.Bool              // it is going to be asked for anew, or need not be: the item itself ends with its reply
	place *list.Element            // in order
}

const (
	nearChainsMin = 256
	nearChainMax  = 1 // items for each chain, beyond which there are twice as many chains
)

func newNearTable(chains int) *nearTable {
	t := make(nearTable, chains)
	return &t
}

func (t *nearTable) chain(hash uint64) *atomic.Pointer[nearItem] {
	return &(*t)[hash&uint64(len(*t)-1)]
}

func (t *nearTable) add(it *nearItem) {
	chain := t.chain(it.hash)
	it.next.Store(chain.Load())
	chain.Store(it)
}

// find returns the reply to a command on a key, which is evicted in its time once it is not trusted any more; nil where it is
// not here. hash is the key's.
func (n *near) find(hash uint64, s hearth.Space, command string, key []byte) *nearItem {
	for it := n.table.Load().chain(hash).Load(); it != nil; it = it.next.Load() {
		if it.hash == hash && it.space == s && it.command == command && it.key == string(key) {
			return it
		}
	}
	return nil
}

// trusted reports whether a reply may be given at a time, and notes that it was asked for.
func (it *nearItem) trusted(now time.Duration) bool {
	if now >= it.until {
		return false
	}
	if !it.read.Load() { // so that readers leave the item's memory alone
		it.read.Store(true)
	}
	return true
}

func (n *near) keep(it *nearItem) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.removeAll(it.hash, it.space, it.key, it.command)
	if it.bytes > n.bytesMax/nearItemShare {
		return
	}
	t := n.table.Load()
	if n.order.Len() >= nearChainMax*len(*t) {
		t = n.grow(t)
	}
	it.place = n.order.PushFront(it)
	t.add(it)
	n.bytes += it.bytes
	n.count.Add(1)
	for n.bytes > n.bytesMax {
		n.evict()
	}
}

// grow returns a table with twice as many chains. The caller holds mu.
func (n *near) grow(old *nearTable) *nearTable {
	t := newNearTable(2 * len(*old))
	for e := n.order.Back(); e != nil; e = e.Prev() {
		t.add(e.Value.(*nearItem))
	}
	n.table.Store(t)
	return t
}

// remove takes an item out. The caller holds mu.
func (n *near) remove(it *nearItem) {
	at := n.table.Load().chain(it.hash)
	for at.Load() != it {
		at = &at.Load().next
	}
	at.Store(it.next.Load())
	n.order.Remove(it.place)
	n.bytes -= it.bytes
	n.count.Add(-1)
}

// removeAll takes out the replies to commands on a key. The caller holds mu.
func (n *near) removeAll(hash uint64, s hearth.Space, key string, commands ...string) {
	for it := n.table.Load().chain(hash).Load(); it != nil; it = it.next.Load() {
		if it.hash == hash && it.space == s && it.key == key && slices.Contains(commands, it.command) {
			n.remove(it)
		}
	}
}

// evict drops the oldest item that was not read since it was last considered. The caller holds mu.
func (n *near) evict() {
	for e := n.order.Back(); ; e = n.order.Back() {
		it := e.Value.(*nearItem)
		if !it.read.Load() {
			n.remove(it)
			return
		}
		it.read.Store(false)
		n.order.MoveToFront(e)
	}
}

// forget drops what is known of a key, which is given as the server knows it.
func (n *near) forget(name string) {
	s, key, ok := cutKey([]byte(name))
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.removeAll(n.hash(s, key), s, string(key), kept...)
}

// forgetAll drops what one connection has read.
func (n *near) forgetAll(owner *nearStore) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for e := n.order.Front(); e != nil; {
		it := e.Value.(*nearItem)
		if e = e.Next(); it.owner == owner {
			n.remove(it)
		}
	}
}
