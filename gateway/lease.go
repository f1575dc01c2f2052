package gateway

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// Where several gateways share an engine, one of them at a time loads a key: the one that has the key's lease. In each of
// them one flight stands for that load, so that callers wait here, and only flights talk to the engine. A flight whose
// load is another gateway's is away: it lands when the engine tells that there may be something to look at.

// lease takes the leases of flights that have just begun, and sends those away that it does not get. It reports which
// loads are this gateway's. Where the engine cannot be asked, each gateway loads for itself.
func (g *Gateway) lease(ctx context.Context, b *binding, fls []*flight, keys [][]byte, most int64) (ours []bool) {
	ours = make([]bool, len(fls))
	if g.leaser == nil {
		for i := range ours {
			ours[i] = true
		}
		return ours
	}
	space, names := b.cache.Space, make([]uint64, len(fls))
	for i, fl := range fls {
		names[i] = fl.lease
	}
	for i, got := range g.leaser.Lease(ctx, space, keys, names, time.Duration(most)*time.Millisecond) {
		ours[i] = g.granted(space, keys[i], fls[i], got)
	}
	return ours
}

// granted draws the consequence of what came of a flight's lease, and reports whether the load is this gateway's.
func (g *Gateway) granted(space hearth.Space, key []byte, fl *flight, got engine.Leased) (ours bool) {
	switch {
	case got.Err != nil:
		return true
	case got.Lease != nil:
		g.flights.leased(space, key, fl, got.Lease)
		return true
	}
	g.flights.sendAway(space, key, fl)
	return false
}

// leaseFill takes the lease of a fill that has begun. Where another gateway has it, the fill is over here: its flight waits
// for that load where somebody may wait for the item, and has landed where nobody does.
func (g *Gateway) leaseFill(ctx context.Context, b *binding, key string, fl *flight, absent bool) (ours bool) {
	if g.leaser == nil {
		return true
	}
	space := b.cache.Space
	fl.there = !absent
	got := g.leaser.Lease(ctx, space, [][]byte{[]byte(key)}, []uint64{fl.lease}, time.Duration(b.source.budget()+fillSlack)*time.Millisecond)[0]
	switch {
	case got.Err != nil:
		g.flights.filled(space, key, fl, got.Err)
	case got.Lease != nil:
		g.flights.leased(space, []byte(key), fl, got.Lease)
		return true
	case got.Note != nil:
		err := readNote(got.Note)
		if failed(err) {
			g.flights.believe(space, key, err, g.now().UnixMilli()+noteBelieved.Milliseconds())
		}
		g.flights.filled(space, key, fl, err)
	default:
		g.flights.sendAway(space, []byte(key), fl)
	}
	return false
}

// others returns the lease of a load that another gateway has told its caller to make, nil where that holds no more.
func (g *Gateway) others(ctx context.Context, space hearth.Space, key []byte, lease uint64) (engine.Lease, error) {
	if g.leaser == nil || g.flights.gave(lease) {
		return nil, nil
	}
	return g.leaser.Held(ctx, space, key, lease)
}

// noteBelieved is how long another gateway's word that an origin fails is not asked for again.
const noteBelieved = 250 * time.Millisecond

// judge remembers what an origin has said of a key that it gave no value for, and tells the other gateways. What is no
// failure is believed only as long as nobody has written the key, which the servers know.
func (g *Gateway) judge(space hearth.Space, key string, fl *flight, err error, keep int64) {
	if fl.right == nil {
		g.flights.judge(space, key, fl, err, g.now().UnixMilli(), keep)
		return
	}
	if failed(err) {
		keep = g.flights.judge(space, key, fl, err, g.now().UnixMilli(), keep)
	}
	if keep > 0 {
		g.flights.unhear(space, []byte(key), fl)
		fl.right.Leave(writeNote(err), time.Duration(keep)*time.Millisecond)
	}
}

// A note is the kind of an error, a space, and what callers may be told of it.
func writeNote(err error) []byte {
	if failed(err) {
		err = message(err)
	}
	var e *hearth.Error
	errors.As(err, &e)
	return []byte(strconv.Itoa(int(e.Kind)) + " " + e.Msg)
}

func readNote(note []byte) error {
	kind, msg, _ := strings.Cut(string(note), " ")
	n, err := strconv.Atoi(kind)
	if err != nil {
		n = int(hearth.Unavailable)
	}
	return &hearth.Error{Kind: hearth.Kind(n), Msg: msg}
}

// leased gives a flight its lease, which ends at once where the flight has landed meanwhile.
func (f *flights) leased(s hearth.Space, key []byte, fl *flight, l engine.Lease) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	fl.right = l
	switch {
	case sh.m[flightKey{s, string(key)}] != fl:
		l.End()
	case fl.waiters > 0:
		f.hear(s, key, fl)
	}
}

// sendAway makes a flight wait for another gateway's load, unless it has landed meanwhile.
func (f *flights) sendAway(s hearth.Space, key []byte, fl *flight) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.m[flightKey{s, string(key)}] != fl {
		return
	}
	fl.loader.leads.Add(-1)
	fl.loader = f.away
	fl.loader.leads.Add(1)
	f.hear(s, key, fl)
}

// hear has a flight hear of what other gateways do with its key, where that concerns it: it is away, or somebody waits for
// this gateway's own load. The shard is locked.
func (f *flights) hear(s hearth.Space, key []byte, fl *flight) {
	if fl.unhear != nil || fl.right == nil && fl.loader != f.away {
		return
	}
	name := string(key)
	fl.unhear = f.leaser.Follow(s, key, !fl.there, fl.right, func() { f.arrived(s, name, fl) })
}

// unhear ends what hear began: the lease is about to be ended here.
func (f *flights) unhear(s hearth.Space, key []byte, fl *flight) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if fl.unhear != nil {
		fl.unhear()
	}
	fl.unhear = func() {}
}

// arrived lands a flight whose key another gateway has changed, or may have.
func (f *flights) arrived(s hearth.Space, key string, fl *flight) {
	at := flightKey{s, key}
	sh := f.shard([]byte(key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.m[at] == fl {
		f.land(sh, at, fl)
	}
}
