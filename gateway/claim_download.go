package gateway

import (
	"context"
	"errors"
	"io"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/op"
)

// Download is a payload that is about to be read: Hold it, Take one of its redemptions, read it, and Close it in any
// case. Its Claim may be looked at before that. It implements io.ReadSeeker.
type Download struct {
	Claim
	place  *claimPlace
	m      manifest
	space  hearth.Space
	ctx    context.Context
	chunks []op.Reply // what is held, where the engine has it in memory
	at     int64
	sent   int64
	taken  bool
	last   bool // nobody may redeem the claim check after this
}

// RedeemClaim finds the payload that a ticket is for. Where key is not nil the ticket must be for that key.
func (g *Gateway) RedeemClaim(ctx context.Context, ticket string, key []byte) (*Download, error) {
	p, t, err := g.ticketPlace(ticket, auth.TicketGet, "")
	if err != nil {
		return nil, err
	}
	if key != nil && itemOf(key) != t.Item {
		return nil, errClaimKey
	}
	return p.download(ctx, t.Item, t.Nonce)
}

// ReadClaim finds the payload of a key for a caller who may read it.
func (g *Gateway) ReadClaim(ctx context.Context, c *Caller, key []byte) (*Download, error) {
	p, err := g.claimPlace(ctx, c, key, auth.Read)
	if err != nil {
		return nil, err
	}
	d, err := p.download(ctx, itemOf(key), [10]byte{})
	if errors.Is(err, errClaimGone) {
		return nil, errNoClaim
	}
	return d, err
}

var errNoClaim = &hearth.Error{Kind: hearth.NotFound, Msg: "Key Not Found: no claim check has this key"}

// download finds a payload: that of the nonce, or any where the nonce is zero.
func (p *claimPlace) download(ctx context.Context, item [16]byte, nonce [10]byte) (*Download, error) {
	if err := p.admit(verbClaimGet); err != nil {
		return nil, err
	}
	d := &Download{place: p, ctx: ctx}
	var err error
	d.space, err = p.find(ctx, manifestKey(item), &d.m)
	if err != nil {
		return nil, err
	}
	if d.space == 0 || nonce != [10]byte{} && d.m.Nonce != nonce {
		p.meter.count(verbClaimGet, 1, 0, 0, 0, 1)
		return nil, errClaimGone
	}
	p.meter = p.gateway.meters.of(p.cache.Name, d.m.Creator)
	d.Claim = p.claim(&d.m)
	return d, d.left()
}

// left returns an error unless somebody may still redeem the claim check. Take decides; this spares it.
func (d *Download) left() error {
	if d.m.Reads == 0 {
		return nil
	}
	r := &op.Reply{}
	defer r.Reset()
	if err := d.place.gateway.engine.Do(d.ctx, d.space, &op.Get{K: readsKey(d.m.Nonce)}, r); err != nil {
		return err
	}
	if n, ok := op.ParseInt(r.Value()); !ok || n <= 0 {
		d.place.meter.count(verbClaimGet, 1, 0, 0, 0, 1)
		return errClaimGone
	}
	return nil
}

// Hold makes sure of all of the payload: nothing that happens to it from now on tears the download, where the engine
// has it in memory; elsewhere all of it is there now.
func (d *Download) Hold() error {
	p := d.place
	if p.gateway.claims.blocks == nil {
		return p.whole(d.ctx, d.space, &d.m, errClaimGone)
	}
	d.chunks = make([]op.Reply, d.m.chunks())
	for i := range d.chunks {
		if err := d.fetch(i, &d.chunks[i]); err != nil {
			return err
		}
	}
	return nil
}

// fetch reads a chunk, which must be there and whole.
func (d *Download) fetch(i int, r *op.Reply) error {
	if err := d.place.gateway.engine.Do(d.ctx, d.space, &op.Get{K: chunkKey(d.m.Nonce, i)}, r); err != nil {
		return err
	}
	want := min(hearth.ClaimChunkBytes, d.m.Size-int64(i)*hearth.ClaimChunkBytes)
	if r.Status != op.Hit || int64(len(r.Value())) != want {
		return errClaimGone
	}
	return nil
}

// Take counts a redemption. It fails where there have been as many as there may be.
func (d *Download) Take() error {
	if d.m.Reads != 0 {
		r := &op.Reply{}
		o := &op.Increment{K: readsKey(d.m.Nonce), Amount: -1, Expiry: op.Expiry{At: d.m.Expires}}
		if err := d.place.gateway.engine.Do(d.ctx, d.space, o, r); err != nil {
			return err
		}
		// Where the count was evicted it begins at nothing: then nobody may.
		if r.Int < 0 {
			d.place.meter.count(verbClaimGet, 1, 0, 0, 0, 1)
			return errClaimGone
		}
		d.last = r.Int == 0
	}
	d.taken = true
	return nil
}

// Read implements io.Reader.
func (d *Download) Read(b []byte) (int, error) {
	part, err := d.next()
	if err != nil {
		return 0, err
	}
	n := copy(b, part)
	d.move(n)
	return n, nil
}

// next returns what there is from the present place on, up to the end of a chunk.
func (d *Download) next() ([]byte, error) {
	if d.at >= d.m.Size {
		return nil, io.EOF
	}
	i, off := int(d.at/hearth.ClaimChunkBytes), d.at%hearth.ClaimChunkBytes
	if d.place.gateway.claims.blocks != nil {
		return d.chunks[i].Value()[off:], nil
	}
	if d.chunks == nil {
		d.chunks = make([]op.Reply, 1)
	}
	r := &d.chunks[0]
	if r.Status != op.Hit || r.Int != int64(i) {
		r.Reset()
		if err := d.fetch(i, r); err != nil {
			return nil, err
		}
		r.Int = int64(i)
	}
	return r.Value()[off:], nil
}

func (d *Download) move(n int) {
	d.at += int64(n)
	d.sent += int64(n)
	d.place.moved(n)
}

// WriteTo implements io.WriterTo: a chunk at a time, from where it is kept.
func (d *Download) WriteTo(w io.Writer) (sum int64, err error) {
	for {
		part, err := d.next()
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		n, err := w.Write(part)
		sum += int64(n)
		d.move(n)
		if err != nil {
			return sum, err
		}
	}
}

// Seek implements io.Seeker.
func (d *Download) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += d.at
	case io.SeekEnd:
		offset += d.m.Size
	}
	if offset < 0 {
		return 0, errors.New("gateway: seek before the beginning of a payload")
	}
	d.at = offset
	return offset, nil
}

// Close gives back what the download holds, meters it, and forgets a payload that nobody may redeem any more.
func (d *Download) Close() {
	for i := range d.chunks {
		d.chunks[i].Reset()
	}
	d.chunks = nil
	if d.taken {
		d.place.meter.count(verbClaimGet, 1, uint64(len(d.m.Key)), uint64(d.sent), 1, 0)
	}
	if d.last {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), claimCleanUp)
		defer cancel()
		d.place.used(ctx, d.space, &d.m)
	}
}

// used deletes a payload that was redeemed for the last time. Elsewhere than in memory its manifest stays until it
// expires: another payload may be taking its place just now.
func (p *claimPlace) used(ctx context.Context, s hearth.Space, m *manifest) {
	if p.gateway.claims.keeper == nil {
		p.remove(ctx, s, m, false)
		return
	}
	_ = p.forget(ctx, itemOf(m.Key), m.Nonce)
}

// forget deletes a payload, unless another one has taken its key; a zero nonce is any payload.
func (p *claimPlace) forget(ctx context.Context, item [16]byte, nonce [10]byte) error {
	defer p.gateway.claims.lock()()
	var m manifest
	s, err := p.find(ctx, manifestKey(item), &m)
	if err != nil || s == 0 || nonce != [10]byte{} && m.Nonce != nonce {
		return err
	}
	p.remove(ctx, s, &m, true)
	return nil
}

// DeleteClaim deletes the payload of a key, if there is one, for a caller who may write it: its tickets redeem nothing
// from then on.
func (g *Gateway) DeleteClaim(ctx context.Context, c *Caller, key []byte) error {
	p, err := g.claimPlace(ctx, c, key, auth.Write)
	if err != nil {
		return err
	}
	return p.forget(ctx, itemOf(key), [10]byte{})
}

// RevokeTicket deletes what a ticket redeems, or the permission that it is, for a credential that may write its key.
func (g *Gateway) RevokeTicket(ctx context.Context, cred Credential, text string) error {
	t, err := auth.ParseTicket(text, g.now(), g.View().Signing)
	if err != nil {
		return err
	}
	p, t, err := g.ticketPlace(text, t.Kind, "")
	if err != nil {
		return err
	}
	c, err := g.SignIn(cred, p.cache.Name)
	if err != nil {
		return err
	}
	var key struct {
		Key   []byte   `json:"k"`
		Nonce [10]byte `json:"n"`
	}
	record := manifestKey(t.Item)
	if t.Kind == auth.TicketPut {
		record = permissionKey(t.Nonce)
	}
	space, err := p.find(ctx, record, &key)
	if err != nil {
		return err
	}
	if p, err = g.claimPlace(ctx, c, key.Key, auth.Write); err != nil || space == 0 {
		return err
	}
	if t.Kind == auth.TicketPut {
		return p.withdraw(ctx, t)
	}
	return p.forget(ctx, t.Item, t.Nonce)
}
