package gateway

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
)

// Credential is what a client showed: the token as it stood in the request, empty if there was none; where the request
// came from; and by which door, because doors differ in what a missing time to live means.
type Credential struct {
	Token string
	Peer  netip.Addr // the zero Addr where the door does not know
	Door  Door
}

// Door says whose rules a request follows where protocols differ.
type Door uint8

// The doors. The zero Door is Momento.
const (
	Momento  Door = iota // a time to live is required, and one above the cache's maximum is refused
	HTTP                 // as Momento
	RESP                 // none means that the item stays, or the cache's default; one above the maximum is shortened
	Memcache             // as RESP
)

// lenient reports whether commands without a time to live are welcome.
func (d Door) lenient() bool { return d == RESP || d == Memcache }

// Caller is somebody who signed in, with the cache that they work on: made once for a connection, or once for each
// pair of credential and cache that a connection shows. A Caller may be used by several goroutines. It follows the
// control state: a revoked credential fails from its next command on, whether or not the door asks Fresh.
type Caller struct {
	gateway *Gateway
	cache   string
	peer    netip.Addr
	door    Door
	who     *identity
	bound   atomic.Pointer[binding]
	leads   atomic.Int32 // flights that it is the loader of
	loads   atomic.Int64 // until then, in milliseconds, the time of the last of them lasts
}

// binding is what a Caller comes to under one control state. Callers share it, so it does not change.
type binding struct {
	state    *control.State
	refused  error // the credential holds no longer, or not from here
	cache    *control.Cache
	items    auth.Grant
	topics   auth.Grant
	expires  int64 // of the credential, in milliseconds; 0 is never
	lenient  bool
	limits   limits
	collapse collapse
	source   *source // nil where the cache has no origin
	tenant   *tenant // nil where there is no such cache
	meter    *meter  // nil where there is no such cache
	identity *identity
}

// SignIn returns the Caller for a credential and a cache name. The cache need not exist: each command on it fails
// with NoCache until it does. The name is empty for calls that name no cache.
func (g *Gateway) SignIn(cred Credential, cache string) (*Caller, error) {
	who, err := g.identify(cred.Token, g.plane.State())
	if err != nil {
		return nil, err
	}
	c := &Caller{gateway: g, cache: cache, peer: cred.Peer, door: cred.Door, who: who}
	if b := c.rebind(); b.refused != nil {
		return nil, b.refused
	}
	return c, nil
}

// Fresh reports whether the Caller still stands for what SignIn would return now; doors that remember Callers ask.
func (c *Caller) Fresh() bool { return c.bind().valid(c.gateway) == nil }

// Cache returns the name of the cache that the Caller works on.
func (c *Caller) Cache() string { return c.cache }

// Publisher returns the token id of the caller's credential, empty if it has none.
func (c *Caller) Publisher() string { return c.who.publisher }

// Check authorises access to the cache as a whole and finds it: for requests that come to no command, such as an empty
// batch. It asks for permission on some key, not on each.
func (c *Caller) Check(a op.Access) error {
	b := c.bind()
	if err := b.valid(c.gateway); err != nil {
		return err
	}
	if !b.items.Any(needs[a&accessMask]) {
		return errDenied
	}
	return b.exists(c.cache)
}

// May authorises access to something that is no item: Management, Authorization or Account.
func (c *Caller) May(r auth.Resource, a auth.Access) error {
	b := c.bind()
	if err := b.valid(c.gateway); err != nil {
		return err
	}
	p := b.identity.permissions(b.state)
	if !p.Allows(r, a) {
		return errDenied
	}
	return nil
}

// bind returns what the Caller comes to under the newest control state.
func (c *Caller) bind() *binding {
	if b := c.bound.Load(); b.state == c.gateway.plane.State() {
		return b
	}
	return c.rebind()
}

func (c *Caller) rebind() *binding {
	b := c.gateway.bindings.of(c, c.gateway.plane.State())
	c.bound.Store(b)
	return b
}

// bindings remembers what Callers come to under the newest state: most connections of a cache come to the same. Those
// that come to nothing are not remembered, since they may name caches as they like.
type bindings struct {
	mu    sync.Mutex // guards the rest
	state *control.State
	m     map[bindingName]*binding
}

// bindingName is all that a binding depends on beside the state. Of a stored key that is its ID and its expiry.
type bindingName struct {
	who     *identity
	key     string
	expires int64
	cache   string
	peer    netip.Addr
	door    Door
}

// bindingsMax bounds how many are remembered; then all are forgotten.
const bindingsMax = 4 << 10

func (bs *bindings) of(c *Caller, s *control.State) *binding {
	name := bindingName{who: c.who, cache: c.cache, peer: c.peer, door: c.door}
	if c.who.key != "" {
		name.who, name.key, name.expires = nil, c.who.key, c.who.expires
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.state != s || len(bs.m) >= bindingsMax {
		bs.state, bs.m = s, map[bindingName]*binding{}
	}
	b := bs.m[name]
	if b == nil {
		b = c.binding(s)
		if b.cache != nil && b.refused == nil {
			bs.m[name] = b
		}
	}
	return b
}

// binding makes what the Caller comes to under a state.
func (c *Caller) binding(s *control.State) *binding {
	b := &binding{state: s, cache: s.Caches[c.cache], lenient: c.door.lenient(), identity: c.who, expires: c.who.expires}
	if b.refused = c.who.holds(s); b.refused == nil {
		p := c.who.permissions(s)
		if !p.From(c.peer) {
			b.refused = &hearth.Error{Kind: hearth.Denied, Msg: "this credential may not be used from your address"}
		}
		b.items, b.topics = p.Grant(auth.Items, c.cache), p.Grant(auth.Topics, c.cache)
	}
	if b.cache != nil && b.refused == nil {
		b.tenant = c.gateway.tenant(c.cache)
		b.meter = c.gateway.meters.of(c.cache, c.who.name)
		settings := s.SettingsOf(b.cache)
		b.limits, b.collapse = limitsOf(settings), collapseOf(&settings)
		b.source = c.gateway.sources.of(c.cache, &settings)
	}
	return b
}

// valid holds the credential against the clock.
func (b *binding) valid(g *Gateway) error {
	if b.refused != nil {
		return b.refused
	}
	if b.expires != 0 && g.now().UnixMilli() >= b.expires {
		return errExpired
	}
	return nil
}

func (b *binding) exists(name string) error {
	if b.cache == nil {
		return control.NoCache(name)
	}
	return nil
}

// space returns where the command's items live.
func (b *binding) space(s *op.Spec) hearth.Space {
	if s.Board {
		return b.cache.Boards
	}
	return b.cache.Space
}

const accessMask = op.Reads | op.Writes | op.Reveals | op.Conditional

// needs says what each kind of command needs of one rule: a write that tells, or depends on, what is stored reads too.
var needs = func() (t [accessMask + 1]auth.Access) {
	for a := range t {
		if op.Access(a)&(op.Reads|op.Reveals|op.Conditional) != 0 {
			t[a] |= auth.Read
		}
		if op.Access(a)&op.Writes != 0 {
			t[a] |= auth.Write
		}
	}
	return t
}()

// authorize holds every key of the command against the caller's permissions.
func (b *binding) authorize(o op.Op, s *op.Spec) error {
	need := needs[s.Access&accessMask]
	if s.Access&op.Conditional != 0 {
		if a, ok := o.(op.Asker); ok && !a.Asks() {
			need = auth.Write
		}
	}
	if b.items.Whole(need) {
		return nil
	}
	m, ok := o.(op.Multi)
	if !ok {
		if b.items.Allows(need, o.Key()) {
			return nil
		}
		return errDenied
	}
	for _, k := range m.Keys() {
		if !b.items.Allows(need, k) {
			return errDenied
		}
	}
	if len(m.Keys()) == 0 && !b.items.Any(need) {
		return errDenied
	}
	return nil
}

// authorizeChange lets those change the control state who have the access that the change needs.
func (c *Caller) authorizeChange(change control.Change) error {
	if n, ok := change.(control.Needer); ok {
		return c.May(n.Needs())
	}
	b := c.bind()
	if err := b.valid(c.gateway); err != nil {
		return err
	}
	p := b.identity.permissions(b.state)
	if !p.Everything() {
		return errDenied
	}
	return nil
}

var (
	errDenied  = &hearth.Error{Kind: hearth.Denied, Msg: "this credential does not permit the operation"}
	errExpired = &hearth.Error{Kind: hearth.Unauthenticated, Msg: "the credential has expired"}
)
