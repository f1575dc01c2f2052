package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// A claim check is a payload in chunks, and a ticket that redeems it. It lives in spaces of its own beside the items of
// its cache: one that nothing is evicted from, as long as it stays within the cache's reserve, and the one after it.
// Nobody can read a payload before its manifest is there, which is written last.
//
// Where the engine has places for arriving values, an upload holds all its chunks, which count as memory but cannot be
// evicted, and stores them at the end. Elsewhere it stores each as it comes.

// claims is what all claim checks of a process share.
type claims struct {
	keeper  engine.Keeper // nil where nothing can be kept from eviction
	blocks  engine.Blocks // nil where uploads are stored as they come
	byLife  atomic.Pointer[map[hearth.Space]*control.Cache]
	held    atomic.Int64  // bytes of payloads that are arriving
	buffers chan struct{} // a token for each upload that has a buffer

	mu sync.Mutex // held while something is stored or deleted in memory, so that reserves are not given twice
}

// lock keeps others from storing and deleting, where the engine is memory; elsewhere others are other processes too.
func (s *claims) lock() (unlock func()) {
	if s.keeper == nil {
		return func() {}
	}
	s.mu.Lock()
	return s.mu.Unlock
}

func (s *claims) init(e engine.Engine) {
	s.keeper, _ = e.(engine.Keeper)
	if _, measures := e.(engine.Measurer); !measures {
		s.keeper = nil
	}
	if s.keeper != nil {
		s.blocks, _ = e.(engine.Blocks)
	}
	s.buffers = make(chan struct{}, hearth.ClaimBuffersMax)
}

// follow remembers which caches have claim checks, and keeps theirs.
func (s *claims) follow(old, new *control.State) {
	byLife := map[hearth.Space]*control.Cache{}
	for name, c := range new.Caches {
		if c.Claims == 0 {
			continue
		}
		byLife[c.Claims] = c
		if o := old.Caches[name]; s.keeper != nil && (o == nil || o.Claims != c.Claims) {
			s.keeper.Keep(c.Claims)
		}
	}
	s.byLife.Store(&byLife)
}

// claimBytes is what the claim checks of a cache come to.
func claimBytes(m engine.Measurer, c *control.Cache) int64 {
	if c.Claims == 0 {
		return 0
	}
	return m.Size(c.Claims).Bytes + m.Size(c.LooseClaims()).Bytes
}

// What a claim check is made of, by the first byte of the engine's keys.
const (
	claimManifest   = 'm' // by the key's name
	claimChunk      = 'c' // by the payload's name and a number
	claimReads      = 'r' // redemptions left, by the payload's name
	claimPermission = 'u' // to bring a payload, by its own name
)

// manifest says what a key's payload is.
type manifest struct {
	Nonce   [10]byte `json:"n"`
	Key     []byte   `json:"k"`
	Size    int64    `json:"s"`
	SHA256  [32]byte `json:"h"`
	Type    string   `json:"t,omitempty"`
	Expires int64    `json:"x"`           // milliseconds
	Reads   int      `json:"r,omitempty"` // 0 is any number
	Creator string   `json:"c,omitempty"` // whom its use is metered under
	Pinned  bool     `json:"p,omitempty"`
}

func (m *manifest) chunks() int {
	return int((m.Size + hearth.ClaimChunkBytes - 1) / hearth.ClaimChunkBytes)
}

// itemOf returns the name that tickets and manifests have for a key.
func itemOf(key []byte) (name [16]byte) {
	h := sha256.New()
	h.Write([]byte("claim key "))
	h.Write(key)
	copy(name[:], h.Sum(nil))
	return name
}

func manifestKey(item [16]byte) []byte { return append([]byte{claimManifest}, item[:]...) }

func chunkKey(nonce [10]byte, i int) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{claimChunk}, nonce[:]...), uint32(i))
}

func readsKey(nonce [10]byte) []byte { return append([]byte{claimReads}, nonce[:]...) }

func permissionKey(nonce [10]byte) []byte { return append([]byte{claimPermission}, nonce[:]...) }

func newNonce() (n [10]byte) {
	rand.Read(n[:]) // never fails
	return n
}

// claimPlace is where the claim checks of one cache are, for somebody who works on them.
type claimPlace struct {
	*binding
	gateway  *Gateway
	settings control.Settings
}

// claimPlace returns the place of a Caller who may do this to the key; who brings something opens it where it is not.
func (g *Gateway) claimPlace(ctx context.Context, c *Caller, key []byte, need auth.Access) (*claimPlace, error) {
	b := c.bind()
	if err := b.valid(g); err != nil {
		return nil, err
	}
	if !b.items.Allows(need, key) {
		return nil, errDenied
	}
	if err := b.exists(c.cache); err != nil {
		return nil, err
	}
	if b.cache.Claims == 0 && need&auth.Write != 0 {
		if _, err := g.plane.Change(ctx, control.OpenClaims{Name: c.cache}); err != nil {
			return nil, err
		}
		b = c.bind()
		if err := b.exists(c.cache); err != nil {
			return nil, err
		}
	}
	return &claimPlace{b, g, b.state.SettingsOf(b.cache)}, nil
}

// ticketPlace returns the place that a ticket is for, and what it says.
func (g *Gateway) ticketPlace(text string, kind auth.TicketKind, creator string) (*claimPlace, auth.Ticket, error) {
	s := g.View()
	t, err := auth.ParseTicket(text, g.now(), s.Signing)
	if err != nil {
		return nil, t, err
	}
	if t.Kind != kind {
		return nil, t, errTicketKind[kind]
	}
	c := (*g.claims.byLife.Load())[t.Space]
	if c == nil {
		return nil, t, errClaimGone
	}
	settings := s.SettingsOf(c)
	b := &binding{state: s, cache: c, limits: limitsOf(settings), tenant: g.tenant(c.Name), meter: g.meters.of(c.Name, creator)}
	return &claimPlace{b, g, settings}, t, nil
}

// admit takes one request out of the cache's rates.
func (p *claimPlace) admit(verb int) error {
	now := p.gateway.now().UnixNano()
	err := p.rate(now, 0)
	if err == nil && p.limits.throughput != 0 && p.tenant.throughput.overdrawn(now) {
		err = errThroughput
	}
	if err != nil {
		p.meter.refuse(verb)
	}
	return err
}

// moved charges bytes of a payload that came or went: who comes next waits for them.
func (p *claimPlace) moved(n int) {
	if l := p.limits.throughput; l != 0 {
		p.tenant.throughput.charge(p.gateway.now().UnixNano(), cost(n, l))
	}
}

// spaces returns where claim checks may be, the likelier first.
func (p *claimPlace) spaces() []hearth.Space {
	switch {
	case p.cache.Claims == 0:
		return nil
	case p.gateway.claims.keeper == nil:
		return []hearth.Space{p.cache.LooseClaims()}
	}
	return []hearth.Space{p.cache.Claims, p.cache.LooseClaims()}
}

// find reads a JSON record of a claim check into v. It returns 0 where there is none.
func (p *claimPlace) find(ctx context.Context, key []byte, v any) (hearth.Space, error) {
	r := &op.Reply{}
	defer r.Reset()
	for _, s := range p.spaces() {
		r.Reset()
		if err := p.gateway.engine.Do(ctx, s, &op.Get{K: key}, r); err != nil {
			return 0, err
		}
		if r.Status == op.Hit {
			return s, json.Unmarshal(r.Value(), v)
		}
	}
	return 0, nil
}

// write stores a small record until a time.
func (p *claimPlace) write(ctx context.Context, s hearth.Space, key, v []byte, expires int64) error {
	return p.gateway.engine.Do(ctx, s, &op.Set{K: key, Value: v, Expiry: op.Expiry{At: expires}}, &op.Reply{})
}

// room returns the space for so many bytes of so many items, and whether nothing is evicted from it. It is called under
// lock.
func (p *claimPlace) room(bytes int64, items int) (s hearth.Space, pinned bool) {
	shared := &p.gateway.claims
	if shared.keeper == nil {
		return p.cache.LooseClaims(), false
	}
	m := p.gateway.engine.(engine.Measurer)
	bytes += int64(items) * recordBytes
	if m.Size(p.cache.Claims).Bytes+bytes > p.settings.Int(control.ClaimReserve) {
		return p.cache.LooseClaims(), false
	}
	all := bytes
	for s := range *shared.byLife.Load() {
		all += m.Size(s).Bytes
	}
	if all > shared.keeper.BytesMax()/2 {
		return p.cache.LooseClaims(), false
	}
	return p.cache.Claims, true
}

// recordBytes is about what an item takes beside its value.
const recordBytes = 64

// remove deletes a payload and, unless another one has taken its place, its manifest.
func (p *claimPlace) remove(ctx context.Context, s hearth.Space, m *manifest, withManifest bool) {
	if withManifest {
		_ = p.gateway.engine.Do(ctx, s, &op.Delete{K: manifestKey(itemOf(m.Key))}, &op.Reply{})
	}
	_ = p.gateway.engine.Do(ctx, s, &op.Delete{K: readsKey(m.Nonce)}, &op.Reply{})
	if p.gateway.claims.blocks != nil {
		p.removeChunks(ctx, s, m.Nonce, m.chunks())
		return
	}
	_ = p.eachChunk(ctx, s, m.chunks(), func(i int) op.Op {
		return &op.UpdateTTL{K: chunkKey(m.Nonce, i), When: op.IfShorter, Expiry: op.Expiry{TTL: claimGrace.Milliseconds()}}
	}, nil)
}

// claimGrace is how long the chunks of a deleted payload stay where downloads that have begun cannot hold them.
const claimGrace = time.Minute

func (p *claimPlace) removeChunks(ctx context.Context, s hearth.Space, nonce [10]byte, n int) {
	_ = p.eachChunk(ctx, s, n, func(i int) op.Op { return &op.Delete{K: chunkKey(nonce, i)} }, nil)
}

// chunksTogether is how many chunks one batch of small commands is about.
const chunksTogether = 256

// eachChunk runs a command for each of n chunks, and shows the replies to see where that is not nil.
func (p *claimPlace) eachChunk(ctx context.Context, s hearth.Space, n int, command func(i int) op.Op, see func(*op.Reply) error) error {
	for from := 0; from < n; from += chunksTogether {
		os := make([]op.Op, min(chunksTogether, n-from))
		for i := range os {
			os[i] = command(from + i)
		}
		rs := make([]op.Reply, len(os))
		p.gateway.engine.DoAll(ctx, s, os, rs)
		var first error
		for i := range rs {
			if first == nil && rs[i].Err != nil {
				first = rs[i].Err
			}
			if first == nil && see != nil {
				first = see(&rs[i])
			}
			rs[i].Reset()
		}
		if first != nil {
			return first
		}
	}
	return nil
}

// whole returns an error unless all chunks of a payload are there.
func (p *claimPlace) whole(ctx context.Context, s hearth.Space, m *manifest, missing error) error {
	return p.eachChunk(ctx, s, m.chunks(), func(i int) op.Op { return &op.Exists{K: chunkKey(m.Nonce, i)} }, func(r *op.Reply) error {
		if r.Int == 0 {
			return missing
		}
		return nil
	})
}

// ttl returns when something that is to live for so long expires, in milliseconds; zero is what it lives where nobody says.
func (p *claimPlace) ttl(d time.Duration) (int64, error) {
	most := p.settings.Duration(control.ClaimTTL)
	switch {
	case d == 0:
		d = min(hearth.ClaimTTLDefault, most)
	case d < time.Second || d > most:
		return 0, &hearth.Error{Kind: hearth.Invalid, Msg: "the time to live of a claim check is 1s to the cache's claim-ttl, " + most.String()}
	}
	return p.gateway.now().Add(d).UnixMilli(), nil
}

// ticket signs a ticket of this place that is good until a time in milliseconds.
func (p *claimPlace) ticket(ctx context.Context, kind auth.TicketKind, item [16]byte, nonce [10]byte, expires int64) (string, error) {
	signer, err := p.gateway.signerUntil(ctx, time.UnixMilli(expires))
	if err != nil {
		return "", err
	}
	return signer.Ticket(auth.Ticket{Kind: kind, Space: p.cache.Claims, Item: item, Nonce: nonce, Expires: expires / 1000}), nil
}

// overdrawn reports whether charges have taken more than the bucket holds.
func (b *bucket) overdrawn(now int64) bool { return b.full.Load()-now > int64(time.Second) }

func checkReads(n int) error {
	if n < 0 || n > hearth.ClaimReadsMax {
		return &hearth.Error{Kind: hearth.Invalid, Msg: "reads is 0, for any number, to 1000000"}
	}
	return nil
}

// claimSizeMax returns the largest payload that can be stored under a setting or, where it is not zero, a lower bound.
func (p *claimPlace) claimSizeMax(bound int64) int64 {
	most := p.settings.Int(control.ClaimBytes)
	if bound > 0 {
		most = min(most, bound)
	}
	return min(most, math.MaxInt64-1)
}

// What tickets and payloads are refused with. That something is gone says not why: it may never have been.
var (
	errClaimGone     = &hearth.Error{Kind: hearth.NotFound, Msg: "there is nothing to redeem: the ticket was used as often as it may be, or what it was for was deleted, replaced or evicted"}
	errClaimKey      = &hearth.Error{Kind: hearth.Denied, Msg: "the ticket is for another key"}
	errClaimUsed     = &hearth.Error{Kind: hearth.Denied, Msg: "the ticket has been used: it permits one upload"}
	errClaimTooLarge = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize, Msg: "the payload is larger than the cache's claim-bytes or the ticket permit"}
	errClaimMemory   = &hearth.Error{Kind: hearth.Limited, Limit: hearth.MemoryLimit, Msg: "there is no memory for this payload beside what is arriving now and what may not be evicted"}
	errTicketKind    = map[auth.TicketKind]error{
		auth.TicketGet: &hearth.Error{Kind: hearth.Denied, Msg: "the ticket permits an upload and redeems nothing"},
		auth.TicketPut: &hearth.Error{Kind: hearth.Denied, Msg: "the ticket redeems a payload and permits no upload"},
	}
)
