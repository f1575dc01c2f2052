package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"strconv"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// ClaimRequest says what payload is about to come.
type ClaimRequest struct {
	Key   []byte        // nil is one that hearth makes up
	Size  int64         // bytes; -1 where it is not known
	TTL   time.Duration // from now on; 0 is hearth.ClaimTTLDefault
	Reads int           // how often it may be redeemed; 0 is any number
	Type  string        // its content type
}

// Claim is a payload that was stored.
type Claim struct {
	Cache   string
	Key     string
	Ticket  string // empty where the Claim was found by its ticket or key
	Expires time.Time
	Size    int64
	SHA256  [sha256.Size]byte
	Type    string
	Reads   int  // as the request said
	Pinned  bool // it is not evicted
}

// Upload is a payload that is arriving: Receive it, Commit it, and Close it in any case.
type Upload struct {
	place     *claimPlace
	m         manifest
	declared  int64 // -1 where nobody said
	sizeMax   int64
	expected  int64 // bytes that count as arriving
	sum       hash.Hash
	blocks    []*value.Block // what has come, where the engine has places for it
	buffer    []byte         // of the chunk that is coming, elsewhere
	stored    int            // chunks that the engine has
	space     hearth.Space   // that they are in
	committed bool

	permission [10]byte     // that this is done under
	permitted  hearth.Space // that the permission is in; 0 is that a Caller does it
}

// BringClaim begins an upload for a caller who may write the key.
func (g *Gateway) BringClaim(ctx context.Context, c *Caller, r ClaimRequest) (*Upload, error) {
	if r.Key == nil {
		r.Key = []byte("claim-" + auth.NewID())
	}
	if err := checkClaim(&r); err != nil {
		return nil, err
	}
	p, err := g.claimPlace(ctx, c, r.Key, auth.Write)
	if err != nil {
		return nil, err
	}
	return p.bring(r, c.who.name, 0)
}

func checkClaim(r *ClaimRequest) error {
	switch {
	case len(r.Key) == 0 || len(r.Key) > hearth.ClaimKeyBytesMax:
		return &hearth.Error{Kind: hearth.Invalid, Msg: "the key of a claim check has 1 to 1024 bytes"}
	case len(r.Type) > hearth.ClaimTypeBytesMax:
		return &hearth.Error{Kind: hearth.Invalid, Msg: "the content type is longer than 255 bytes"}
	}
	return checkReads(r.Reads)
}

func (p *claimPlace) bring(r ClaimRequest, creator string, sizeMax int64) (*Upload, error) {
	expires, err := p.ttl(r.TTL)
	if err != nil {
		return nil, err
	}
	if err := p.admit(verbClaimPut); err != nil {
		return nil, err
	}
	u := &Upload{place: p, declared: r.Size, expected: max(0, r.Size), sizeMax: p.claimSizeMax(sizeMax), sum: sha256.New(), space: p.cache.LooseClaims(),
		m: manifest{Nonce: newNonce(), Key: r.Key, Type: r.Type, Expires: expires, Reads: r.Reads, Creator: creator}}
	if r.Size > u.sizeMax {
		return nil, errClaimTooLarge
	}
	if err := p.gateway.claims.expect(u.expected); err != nil {
		return nil, err
	}
	return u, nil
}

// Receive reads the payload to its end. It holds a chunk beside what is stored, and fails where there is no room.
func (u *Upload) Receive(ctx context.Context, from io.Reader) error {
	for {
		size := int64(hearth.ClaimChunkBytes)
		if u.declared >= 0 {
			size = min(size, u.declared-u.m.Size)
		}
		if size == 0 {
			return nil
		}
		chunk, err := u.chunk(ctx, int(size))
		if err != nil {
			return err
		}
		n, err := fill(from, chunk)
		end := err == io.EOF
		if own, ok := errors.AsType[*hearth.Error](err); ok {
			return own
		}
		if err != nil && (!end || u.declared >= 0) {
			return &hearth.Error{Kind: hearth.Canceled, Msg: "the payload ended early", Err: err}
		}
		if err := u.received(ctx, chunk[:n]); err != nil || end {
			return err
		}
	}
}

// fill reads until b is full. Its error is io.EOF at the end only: io.ReadFull's does not tell that from a body that was
// cut off.
func fill(from io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = from.Read(b[n:])
		n += m
	}
	if n == len(b) {
		err = nil
	}
	return n, err
}

// chunk returns the place of the next chunk.
func (u *Upload) chunk(ctx context.Context, size int) ([]byte, error) {
	shared := &u.place.gateway.claims
	if shared.blocks == nil {
		if u.buffer == nil {
			select {
			case shared.buffers <- struct{}{}:
			case <-ctx.Done():
				return nil, &hearth.Error{Kind: hearth.Canceled, Msg: "the client went away", Err: ctx.Err()}
			}
			u.buffer = make([]byte, hearth.ClaimChunkBytes)
		}
		return u.buffer[:size], nil
	}
	if u.declared < 0 {
		if err := shared.expect(int64(size)); err != nil {
			return nil, err
		}
		u.expected += int64(size)
	}
	b, err := u.reserve(size)
	if err != nil {
		return nil, err
	}
	u.blocks = append(u.blocks, b)
	return b.Bytes(), nil
}

// expect counts bytes that are to arrive: of a payload whose length is known all at once, so that who begins can end.
// It refuses them where what is arriving would take more than half of the memory.
func (s *claims) expect(bytes int64) error {
	if s.keeper != nil && s.held.Add(bytes) > s.keeper.BytesMax()/2 {
		s.held.Add(-bytes)
		return errClaimMemory
	}
	return nil
}

func (u *Upload) reserve(size int) (*value.Block, error) {
	b, err := u.place.gateway.claims.blocks.Reserve(u.space, size)
	if err != nil {
		return nil, &hearth.Error{Kind: hearth.Limited, Limit: hearth.MemoryLimit, Msg: errClaimMemory.Msg, Err: err}
	}
	return b, nil
}

// received takes a chunk that has come: the last one may be shorter than its place.
func (u *Upload) received(ctx context.Context, chunk []byte) error {
	u.place.moved(len(chunk))
	u.sum.Write(chunk)
	u.m.Size += int64(len(chunk))
	if u.m.Size > u.sizeMax {
		return errClaimTooLarge
	}
	if u.place.gateway.claims.blocks == nil {
		return u.storeChunk(ctx, chunk)
	}
	last := len(u.blocks) - 1
	b := u.blocks[last]
	if len(b.Bytes()) == len(chunk) {
		return nil
	}
	u.blocks = u.blocks[:last]
	defer b.Release()
	if len(chunk) == 0 {
		return nil
	}
	short, err := u.reserve(len(chunk))
	if err == nil {
		copy(short.Bytes(), chunk)
		u.blocks = append(u.blocks, short)
	}
	return err
}

func (u *Upload) storeChunk(ctx context.Context, chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	if err := u.place.write(ctx, u.space, chunkKey(u.m.Nonce, u.stored), chunk, u.m.Expires); err != nil {
		return err
	}
	u.stored++
	return nil
}

// Digest returns the SHA-256 of what was received.
func (u *Upload) Digest() (sum [sha256.Size]byte) {
	u.sum.Sum(sum[:0])
	return sum
}

// Commit stores the payload, in the place of what its key held, and returns the ticket for it.
func (u *Upload) Commit(ctx context.Context) (Claim, error) {
	p, g := u.place, u.place.gateway
	u.m.SHA256 = u.Digest()
	if g.now().UnixMilli() >= u.m.Expires {
		return Claim{}, &hearth.Error{Kind: hearth.Invalid, Msg: "the upload took longer than the payload was to live"}
	}
	item := itemOf(u.m.Key)
	ticket, err := p.ticket(ctx, auth.TicketGet, item, u.m.Nonce, u.m.Expires)
	if err != nil {
		return Claim{}, err
	}
	if err := u.store(ctx); err != nil {
		return Claim{}, err
	}
	u.committed = true
	p.meter.count(verbClaimPut, 1, uint64(int64(len(u.m.Key))+u.m.Size), 0, 0, 0)
	if now := g.View().Caches[p.cache.Name]; now == nil || now.Claims != p.cache.Claims {
		return Claim{}, &hearth.Error{Kind: hearth.Unavailable, Msg: "the cache was flushed or deleted meanwhile"}
	}
	c := p.claim(&u.m)
	c.Ticket = ticket
	return c, nil
}

func (p *claimPlace) claim(m *manifest) Claim {
	return Claim{Cache: p.cache.Name, Key: string(m.Key), Expires: time.UnixMilli(m.Expires), Size: m.Size, SHA256: m.SHA256, Type: m.Type,
		Reads: m.Reads, Pinned: m.Pinned}
}

// store stores what was received, and its manifest last.
func (u *Upload) store(ctx context.Context) error {
	p := u.place
	defer p.gateway.claims.lock()()
	if p.gateway.claims.blocks != nil {
		u.space, u.m.Pinned = p.room(u.m.Size, len(u.blocks)+2)
		for i, b := range u.blocks {
			o := &op.Set{K: chunkKey(u.m.Nonce, i), Block: b, Expiry: op.Expiry{At: u.m.Expires}}
			if err := p.gateway.engine.Do(ctx, u.space, o, &op.Reply{}); err != nil {
				return err
			}
			u.stored++
		}
	}
	if u.m.Reads != 0 {
		if err := p.write(ctx, u.space, readsKey(u.m.Nonce), strconv.AppendInt(nil, int64(u.m.Reads), 10), u.m.Expires); err != nil {
			return err
		}
	}
	if err := p.whole(ctx, u.space, &u.m, errClaimMemory); err != nil {
		return err
	}
	if err := u.usePermission(ctx); err != nil {
		return err
	}
	return u.publish(ctx)
}

// usePermission takes the permission that the upload is done under, which only one can.
func (u *Upload) usePermission(ctx context.Context) error {
	if u.permitted == 0 {
		return nil
	}
	r := &op.Reply{}
	defer r.Reset()
	err := u.place.gateway.engine.Do(ctx, u.permitted, &op.GetDel{K: permissionKey(u.permission)}, r)
	if err == nil && r.Status != op.Hit {
		err = errClaimUsed
	}
	return err
}

// publish writes the manifest, and forgets what the key held before.
func (u *Upload) publish(ctx context.Context) error {
	p, key := u.place, manifestKey(itemOf(u.m.Key))
	var old manifest
	was, err := p.find(ctx, key, &old)
	if err != nil {
		return err
	}
	text, err := json.Marshal(&u.m)
	if err != nil {
		return err
	}
	if err := p.write(ctx, u.space, key, text, u.m.Expires); err != nil {
		return err
	}
	if was != 0 {
		p.remove(ctx, was, &old, was != u.space)
	}
	return nil
}

// Close gives back what the upload holds, and unless it was committed what it has stored.
func (u *Upload) Close() {
	for _, b := range u.blocks {
		b.Release()
	}
	if shared := &u.place.gateway.claims; shared.keeper != nil {
		shared.held.Add(-u.expected)
	}
	if u.buffer != nil {
		<-u.place.gateway.claims.buffers
	}
	u.blocks, u.buffer, u.expected = nil, nil, 0
	if !u.committed && u.stored > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), claimCleanUp)
		defer cancel()
		_ = u.place.gateway.engine.Do(ctx, u.space, &op.Delete{K: readsKey(u.m.Nonce)}, &op.Reply{})
		u.place.removeChunks(ctx, u.space, u.m.Nonce, u.stored)
	}
}

// claimCleanUp bounds how long chunks are deleted that nobody will read: they expire by themselves too.
const claimCleanUp = 10 * time.Second
