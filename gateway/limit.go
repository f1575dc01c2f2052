package gateway

import (
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
)

// limits is a cache's settings as the path of a request reads them.
type limits struct {
	requests   int64 // nanoseconds that one request takes of its rate; 0 is no limit
	throughput int64 // bytes a second; 0 is no limit
	publishes  int64 // nanoseconds
	item       int
	element    int
	message    int
	ttlMax     int64 // milliseconds
	ttlDefault int64
	ttlBounded bool // somebody set ttl-max: it holds for lenient doors too
	held       [heldCount]int64
}

func limitsOf(s control.Settings) limits {
	l := limits{
		requests:   interval(s.Int(control.RequestRate)),
		throughput: s.Int(control.Throughput),
		publishes:  interval(s.Int(control.PublishRate)),
		item:       int(s.Int(control.ItemBytes)),
		element:    int(s.Int(control.ElementBytes)),
		message:    int(s.Int(control.MessageBytes)),
		ttlMax:     s.Int(control.TTLMax),
		ttlDefault: s.Int(control.TTLDefault),
		ttlBounded: s.Given(control.TTLMax),
	}
	l.held[heldConnections] = s.Int(control.Connections)
	l.held[heldSubscriptions] = s.Int(control.Subscriptions)
	if l.ttlDefault == 0 && l.ttlBounded {
		l.ttlDefault = l.ttlMax
	}
	return l
}

func interval(perSecond int64) int64 {
	if perSecond == 0 {
		return 0
	}
	return max(1, int64(time.Second)/perSecond)
}

// tenant is what all callers of a cache share: by name, so that deleting a cache and creating it again refills nothing.
type tenant struct {
	requests   bucket
	throughput bucket
	publishes  bucket
	held       [heldCount]atomic.Int64
	elsewhere  [heldCount]atomic.Int64 // held at other gateways, when they last told
	told       bool                    // whether they were told of a load last; only share uses it
	waiters    atomic.Int64            // callers that wait for a missing key
	collapsed  collapsed
	misses     misses
}

// collapsed counts what became of collapsed misses since the process began.
type collapsed struct {
	led    atomic.Uint64 // misses that made their caller the loader
	waited atomic.Uint64 // times that a caller waited for another one's set
	gaveUp atomic.Uint64 // waits that ended without one
	full   atomic.Uint64 // misses that did not wait because too many did already
}

// idle reports whether a fresh tenant would be the same: all buckets are full and nothing is held.
func (t *tenant) idle(now int64) bool {
	for _, b := range []*bucket{&t.requests, &t.throughput, &t.publishes} {
		if b.full.Load() > now {
			return false
		}
	}
	for i := range t.held {
		if t.held[i].Load() != 0 {
			return false
		}
	}
	return true
}

// What callers may hold a limited number of.
const (
	heldConnections = iota
	heldSubscriptions
	heldCount
)

// bucket is a token bucket without a lock: the time, in nanoseconds, at which it will be full again. It holds one second.
//
// Where it is shared with other gateways, it has a weight, by which what is taken costs more here than the whole rate says.
type bucket struct {
	full    atomic.Int64
	weight  atomic.Int64 // in parts of wholeShare; 0 is shared with nobody
	offered atomic.Int64 // what was asked for since the others were told, where it is shared
}

// weigh returns what something that takes cost nanoseconds of the whole rate takes here.
func (b *bucket) weigh(cost int64) int64 {
	w := b.weight.Load()
	if w == 0 {
		return cost
	}
	b.offered.Add(cost)
	if w == wholeShare {
		return cost
	}
	return int64(float64(cost) * float64(w) / wholeShare)
}

// take takes cost nanoseconds out of the bucket, or returns false where less than nothing would be left.
func (b *bucket) take(now, cost int64) bool {
	cost = b.weigh(cost)
	for {
		old := b.full.Load()
		next := max(old, now) + cost
		if next-now > max(int64(time.Second), cost) {
			return false
		}
		if b.full.CompareAndSwap(old, next) {
			return true
		}
	}
}

// charge takes cost nanoseconds even where they are not there: later callers wait for them.
func (b *bucket) charge(now, cost int64) {
	cost = b.weigh(cost)
	for {
		old := b.full.Load()
		if b.full.CompareAndSwap(old, max(old, now)+cost) {
			return
		}
	}
}

// refund gives back what take took.
func (b *bucket) refund(cost int64) { b.full.Add(b.weigh(-cost)) }

// cost returns the nanoseconds that bytes take at a rate of bytes a second.
func cost(bytes int, perSecond int64) int64 {
	return int64(float64(bytes) * float64(time.Second) / float64(perSecond))
}

// admit holds the command against the limits of its cache and returns the bytes that it brings: keys and values.
func (b *binding) admit(g *Gateway, o op.Op, s *op.Spec) (in int, err error) {
	in, err = b.fit(g, o, s)
	if err != nil || b.limits.requests == 0 && b.limits.throughput == 0 {
		return in, err
	}
	return in, b.rate(g.now().UnixNano(), in)
}

// fit holds the command against those limits that do not depend on what came before it.
func (b *binding) fit(g *Gateway, o op.Op, s *op.Spec) (in int, err error) {
	keys, total, largest, err := b.measure(o)
	if err != nil {
		return 0, err
	}
	in = keys + total
	l := &b.limits
	if in > l.item && (s.Kind != 0 || largest > l.item || !isMulti(o)) {
		return 0, errTooLarge
	}
	if l.element != 0 && largest > l.element {
		return 0, errElement
	}
	x, ok := o.(op.Expirer)
	if !ok {
		return in, nil
	}
	if at := x.ExpiresIn(); at != nil {
		return in, b.expiry(g, at)
	}
	return in, nil
}

// measure returns the bytes of the command's keys and values, and of its largest element.
func (b *binding) measure(o op.Op) (keys, total, largest int, err error) {
	if m, ok := o.(op.Multi); ok {
		for _, k := range m.Keys() {
			if err := b.checkKey(k); err != nil {
				return 0, 0, 0, err
			}
			keys += len(k)
		}
	} else {
		k := o.Key()
		if err := b.checkKey(k); err != nil {
			return 0, 0, 0, err
		}
		keys = len(k)
	}
	if z, ok := o.(op.Sizer); ok {
		total, largest = z.Size()
	}
	return keys, total, largest, nil
}

func isMulti(o op.Op) bool {
	_, ok := o.(op.Multi)
	return ok
}

func (b *binding) checkKey(k []byte) error {
	if len(k) > hearth.KeyBytesMax {
		return errKey
	}
	if len(k) == 0 && !b.lenient {
		return errNoKey
	}
	return nil
}

// expiry holds a time to live against the cache's maximum, or fills in its default.
func (b *binding) expiry(g *Gateway, x *op.Expiry) error {
	l := &b.limits
	ttl := x.TTL
	if x.At != 0 {
		ttl = x.At - g.now().UnixMilli()
	}
	switch {
	case b.lenient && *x == op.Expiry{}:
		x.TTL = l.ttlDefault
	case b.lenient && l.ttlBounded && ttl > l.ttlMax:
		*x = op.Expiry{TTL: l.ttlMax}
	case b.lenient:
	case ttl <= 0 && x.At == 0:
		return errNoTTL
	case ttl > l.ttlMax:
		return &hearth.Error{Kind: hearth.Invalid, Msg: "the time to live is longer than the cache's maximum of " +
			(time.Duration(l.ttlMax) * time.Millisecond).String()}
	}
	return nil
}

// rate takes the request out of the cache's rates.
func (b *binding) rate(now int64, in int) error {
	l, t := &b.limits, b.tenant
	if l.requests != 0 && !t.requests.take(now, l.requests) {
		return errRequests
	}
	if l.throughput != 0 && !t.throughput.take(now, cost(in, l.throughput)) {
		if l.requests != 0 {
			t.requests.refund(l.requests)
		}
		return errThroughput
	}
	return nil
}

// refund gives back what admit took, of a command that will come again.
func (b *binding) refund(in int) {
	if b.limits.requests != 0 {
		b.tenant.requests.refund(b.limits.requests)
	}
	if b.limits.throughput != 0 {
		b.tenant.throughput.refund(cost(in, b.limits.throughput))
	}
}

// Hold takes one of the connections (hearth.ConnectionLimit) or subscriptions (hearth.Subscriptions) that the cache
// may have, until Release. It authorises nothing.
func (c *Caller) Hold(what hearth.Limit) error {
	b, i := c.bind(), holding(what)
	if err := b.valid(c.gateway); err != nil {
		return err
	}
	if err := b.exists(c.cache); err != nil {
		return err
	}
	if n := b.tenant.held[i].Add(1); b.limits.held[i] != 0 && n+b.tenant.elsewhere[i].Load() > b.limits.held[i] {
		b.tenant.held[i].Add(-1)
		return errHeld[i]
	}
	return nil
}

// Release gives back what Hold took.
func (c *Caller) Release(what hearth.Limit) { c.gateway.tenant(c.cache).held[holding(what)].Add(-1) }

func holding(what hearth.Limit) int {
	if what == hearth.Subscriptions {
		return heldSubscriptions
	}
	return heldConnections
}

// The words that Momento's clients look for are in the messages: operations, throughput, request limit, subscribers.
var (
	errRequests   = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestRate, Msg: "too many operations: the cache's request rate is reached"}
	errThroughput = &hearth.Error{Kind: hearth.Limited, Limit: hearth.Throughput, Msg: "the cache's throughput is reached"}
	errPublishes  = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestRate, Msg: "too many operations: the cache's publish rate is reached"}
	errTooLarge   = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize, Msg: "request limit: key and value are larger than the cache's largest item"}
	errElement    = &hearth.Error{Kind: hearth.Limited, Limit: hearth.ElementSize, Msg: "element size: an element is larger than the cache's largest"}
	errMessage    = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize, Msg: "request limit: the message is larger than the cache's largest"}
	errKey        = &hearth.Error{Kind: hearth.Invalid, Msg: "the key is longer than 65536 bytes"}
	errNoKey      = &hearth.Error{Kind: hearth.Invalid, Msg: "the key is empty"}
	errNoTTL      = &hearth.Error{Kind: hearth.Invalid, Msg: "the time to live is not positive"}
	errHeld       = [heldCount]error{
		heldConnections:   &hearth.Error{Kind: hearth.Limited, Limit: hearth.ConnectionLimit, Msg: "the cache has as many connections as it may"},
		heldSubscriptions: &hearth.Error{Kind: hearth.Limited, Limit: hearth.Subscriptions, Msg: "the cache has as many subscribers as it may"},
	}
)

// ItemBytesMax returns how many bytes key and value of an item of the cache may have together: doors need not keep more
// of a value that is arriving.
func (c *Caller) ItemBytesMax() int {
	if b := c.bind(); b.cache != nil && b.refused == nil {
		return b.limits.item
	}
	return hearth.ItemBytesDefault
}
