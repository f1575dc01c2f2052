package momento

import (
	"context"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
)

// fetchRows are the methods of hearth.Loading, which Momento does not have: proto/hearth.proto says what they mean.
func (h *Handler) fetchRows() []row {
	return []row{
		data(h, "/hearth.Loading/Fetch", decodeFetch, appendFetch),
		{"/hearth.Loading/Fill", h.fill},
	}
}

// loadMillisMax bounds how long somebody may ask to wait, or to load.
const loadMillisMax = 5 * 60 * 1000

func decodeFetch(m []byte, o *op.Fetch) (op.Op, error) {
	*o = op.Fetch{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | varintType:
			o.Wait = f.millis()
		case 3<<3 | varintType:
			o.Load = f.millis()
		case 4<<3 | varintType:
			o.Grace = f.millis()
		}
	}
	if f.err() == nil && (o.Wait > loadMillisMax || o.Load > loadMillisMax || (o.Wait == 0) != (o.Load == 0)) {
		return o, invalid("wait_milliseconds and load_milliseconds are 1 to 300000, or both are left out")
	}
	return o, f.err()
}

func appendFetch(b []byte, _ *op.Fetch, r *op.Reply) []byte {
	if r.Status == op.Hit {
		b = appendUint(b, 1, resultHit)
		b = appendBytes(b, 2, r.Value())
		if r.Int >= 0 {
			b = appendUint(b, 3, uint64(r.Int)+1)
		}
	} else {
		b = appendUint(b, 1, resultMiss)
	}
	b = appendUint(b, 4, r.Lease)
	if r.Told {
		b = appendUint(b, 5, 1)
	}
	return b
}

// fill answers the set of a loader, or its word that it has failed.
func (h *Handler) fill(c h2.Call) {
	caller, err := h.cacheCaller(c)
	if err != nil {
		fail(c, err)
		return
	}
	h.detach(c, func(ctx context.Context) {
		stored, err := h.fillBy(ctx, caller, c.Message())
		if err != nil {
			fail(c, err)
			return
		}
		c.End(appendUint(c.Begin(), 1, stored))
		c.Finish(h2.Status{})
	})
}

func (h *Handler) fillBy(ctx context.Context, caller *gateway.Caller, m []byte) (stored uint64, err error) {
	var o op.Set
	var lease uint64
	failed := false
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Value = f.data
		case 3<<3 | varintType:
			o.Expiry.TTL = f.millis()
		case 4<<3 | varintType:
			lease = f.num
		case 5<<3 | varintType:
			failed = f.num != 0
		case 6<<3 | bytesType:
			o.Tags = append(o.Tags, f.data)
		}
	}
	switch {
	case f.err() != nil:
		return 0, f.err()
	case failed:
		return 0, h.gateway.Abandon(ctx, caller, o.K, lease)
	}
	var r op.Reply
	defer r.Reset()
	if lease == 0 {
		err = h.gateway.Do(ctx, caller, &o, &r)
	} else {
		err = h.gateway.Fill(ctx, caller, &o, lease, &r)
	}
	if err != nil || r.Status == op.Refused {
		return 0, err
	}
	return 1, nil
}
