package gateway

import (
	"context"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
)

// Invalidate makes every item of the cache that has one of the tags a miss, for a caller who may write to all of it: which
// keys that takes, nobody knows. Loads that are under way are not stored any more, and who waits for one looks again.
func (g *Gateway) Invalidate(ctx context.Context, c *Caller, tags [][]byte) error {
	b := c.bind()
	in, err := b.beforeInvalidate(g, c, tags)
	if err != nil {
		b.meter.refuse(verbInvalidate)
		return err
	}
	for _, t := range tags {
		if err := g.tagger.Invalidate(ctx, b.cache.Space, t); err != nil {
			return err
		}
	}
	g.flights.landAll(b.cache.Space)
	g.tellInvalidated(b.cache.Space, tags)
	b.meter.count(verbInvalidate, 1, uint64(in), 0, 0, 0)
	return nil
}

func (b *binding) beforeInvalidate(g *Gateway, c *Caller, tags [][]byte) (in int, err error) {
	if err := b.valid(g); err != nil {
		return 0, err
	}
	if !b.items.Whole(auth.Write) {
		return 0, errDenied
	}
	if err := b.exists(c.cache); err != nil {
		return 0, err
	}
	if err := hearth.CheckTags(tags); err != nil {
		return 0, err
	}
	if g.tagger == nil {
		return 0, errNoTags
	}
	for _, t := range tags {
		in += len(t)
	}
	if b.limits.requests == 0 && b.limits.throughput == 0 {
		return in, nil
	}
	return in, b.rate(g.now().UnixNano(), in)
}

// tellInvalidated publishes on the cache's feed which tags were invalidated.
func (g *Gateway) tellInvalidated(items hearth.Space, tags [][]byte) {
	on, at := g.feeds.of(items)
	for _, t := range tags {
		if on {
			g.tell(at, change{Event: "invalidated", Tag: string(t)}, nil)
		}
	}
}

// stampFill returns the stamp under which what is loaded from now on is stored; 0 where no item of the cache has had tags.
func (g *Gateway) stampFill(ctx context.Context, space hearth.Space) uint64 {
	if g.tagger == nil {
		return 0
	}
	stamp, err := g.tagger.Stamp(ctx, space, false)
	if err != nil {
		return 0
	}
	return stamp
}

// tagFill returns the stamp for what was loaded since stampFill and has tags. Where nobody can tell whether one of them was
// invalidated meanwhile, the fill is discarded.
func (g *Gateway) tagFill(ctx context.Context, space hearth.Space, began uint64, l *Loaded, fl *flight) (stamp uint64, err error) {
	switch {
	case g.tagger == nil:
		l.Tags = nil
		return 0, nil
	case hearth.CheckTags(l.Tags) != nil:
		return 0, errOriginTags
	case began != 0:
		return began, nil
	case g.stampFill(ctx, space) != 0:
		fl.state.CompareAndSwap(filling, discarded)
		return 0, nil
	}
	return g.tagger.Stamp(ctx, space, true)
}

var (
	errNoTags     = &hearth.Error{Kind: hearth.Unimplemented, Msg: "this engine's items have no tags"}
	errOriginTags = &hearth.Error{Kind: hearth.Limited, Limit: hearth.ItemSize, Msg: "the origin gives the item tags that it cannot have"}
)
