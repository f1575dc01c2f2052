package gateway

import (
	"context"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// Explanation says what would happen to a read of a key now, and why. Times are in milliseconds.
type Explanation struct {
	Cache      string            `json:"cache"`
	Key        string            `json:"key,omitempty"`
	KeyBase64  []byte            `json:"key_base64,omitempty"` // of a key that is not UTF-8
	Answer     string            `json:"answer"`               // hit, stale, load, wait, miss, unavailable or refused
	Why        string            `json:"why"`
	Item       *ExplainedItem    `json:"item,omitempty"`                     // where there is one
	Cause      string            `json:"cause,omitempty"`                    // why there is none
	FlushedAgo *int64            `json:"flushed_ago_milliseconds,omitempty"` // where there is none, of a cache that was flushed: the last time
	LastMiss   *ExplainedMiss    `json:"last_miss,omitempty"`
	Collapse   ExplainedCollapse `json:"collapse"`
	Origin     *ExplainedOrigin  `json:"origin,omitempty"`
	Limits     ExplainedLimits   `json:"limits"`
	Permission *ExplainedAccess  `json:"permission,omitempty"` // for callers who may list keys
}

// ExplainedItem is what is stored under the key.
type ExplainedItem struct {
	Type      string   `json:"type"`
	Bytes     *int     `json:"bytes,omitempty"`                   // of a string
	ExpiresIn *int64   `json:"expires_in_milliseconds,omitempty"` // missing where it stays until it is evicted
	State     string   `json:"state"`                             // fresh, stale, or old: only good where the origin fails
	FreshFor  *int64   `json:"fresh_for_milliseconds,omitempty"`  // on a cache with an origin; negative since it has been stale
	Tags      []string `json:"tags,omitempty"`
	Flags     uint32   `json:"flags,omitempty"` // memcached's
}

// ExplainedMiss is the last miss of the key that this process remembers.
type ExplainedMiss struct {
	Cause string `json:"cause"`
	Ago   int64  `json:"ago_milliseconds"`
}

// ExplainedCollapse is what becomes of callers who miss the same key.
type ExplainedCollapse struct {
	On      bool  `json:"on"`
	Wait    int64 `json:"wait_milliseconds,omitempty"` // the longest that a caller waits
	Loading bool  `json:"loading"`                     // somebody loads the key now
	Waiters int   `json:"waiters"`
}

// ExplainedOrigin is where hearth would load the key.
type ExplainedOrigin struct {
	Covers     bool   `json:"covers"`            // the key is one that is loaded
	Asks       string `json:"asks,omitempty"`    // for the key
	Problem    string `json:"problem,omitempty"` // why it cannot be asked
	Breaker    string `json:"breaker"`           // closed, or open: it is left alone
	OpenFor    int64  `json:"open_for_milliseconds,omitempty"`
	Verdict    string `json:"verdict,omitempty"` // what it has said of the key and is believed: absent, refused or failed
	VerdictFor int64  `json:"verdict_for_milliseconds,omitempty"`
	Load       int64  `json:"load_milliseconds,omitempty"` // how long a request takes, on the whole
	Queued     int64  `json:"queued"`
}

// ExplainedLimits is what the request would be held against.
type ExplainedLimits struct {
	ItemBytes   int   `json:"item_bytes"`
	RequestRate int64 `json:"request_rate"` // a second; 0 is no limit
	Reached     bool  `json:"reached"`      // of the rate, now
}

// ExplainedAccess is who may read the key. Disposable tokens are not known before they are shown.
type ExplainedAccess struct {
	Open bool     `json:"open"` // callers without a credential may
	Keys []string `json:"keys"` // IDs, the first ones
	Of   int      `json:"keys_in_all"`
}

// explainedKeysMax bounds how many IDs of keys are shown.
const explainedKeysMax = 20

// locator is a Loader that can say where it would ask for a key.
type locator interface {
	Where(key []byte) (string, error)
}

// Explain says what would happen to a read of a key of a cache, for a caller who may list caches. It changes nothing.
func (g *Gateway) Explain(ctx context.Context, c *Caller, cache string, key []byte) (*Explanation, error) {
	s, err := g.Inspect(c)
	if err != nil {
		return nil, err
	}
	found := s.Caches[cache]
	if found == nil {
		return nil, control.NoCache(cache)
	}
	x := &Explanation{Cache: cache}
	if x.Key = string(key); !utf8.Valid(key) {
		x.Key, x.KeyBase64 = "", key
	}
	settings := s.SettingsOf(found)
	now, t, source := g.now(), g.tenant(cache), g.sources.of(cache, &settings)
	if err := g.explainItem(ctx, x, found.Space, key); err != nil {
		return nil, err
	}
	if x.Item == nil && found.Flushed != 0 {
		ago := max(0, now.UnixMilli()-found.Flushed)
		x.FlushedAgo = &ago
	}
	if cause, at, ok := t.misses.of(g.flights.seed, key); ok {
		x.LastMiss = &ExplainedMiss{Cause: cause.String(), Ago: max(0, now.UnixMilli()-at)}
	}
	collapse := collapseOf(&settings)
	x.Collapse = ExplainedCollapse{On: collapse.wait > 0, Wait: collapse.wait}
	x.Collapse.Loading, x.Collapse.Waiters = g.flights.look(found.Space, key, now.UnixMilli())
	limits := limitsOf(settings)
	x.Limits = ExplainedLimits{ItemBytes: limits.item, RequestRate: settings.Int(control.RequestRate)}
	x.Limits.Reached = limits.requests != 0 && t.requests.full.Load()+limits.requests-now.UnixNano() > max(int64(time.Second), limits.requests)
	if source != nil {
		g.explainOrigin(x, source, found.Space, key, now)
	}
	if c.May(auth.Authorization, auth.List) == nil {
		x.Permission = g.explainAccess(s, cache, key, now)
	}
	x.Answer, x.Why = x.answer(source)
	return x, nil
}

func (g *Gateway) explainItem(ctx context.Context, x *Explanation, space hearth.Space, key []byte) error {
	var r op.Reply
	defer r.Reset()
	if err := g.engine.Do(ctx, space, &op.ItemType{K: key}, &r); err != nil {
		return err
	}
	if r.Status != op.Hit {
		x.Cause = r.Cause.String()
		return nil
	}
	kind := r.Kind
	it := &ExplainedItem{Type: kindNames[kind], State: "fresh"}
	r.Reset()
	if err := g.engine.Do(ctx, space, &op.ItemTTL{K: key}, &r); err != nil {
		return err
	}
	if left := r.Int; left >= 0 {
		it.ExpiresIn = &left
	}
	x.Item = it
	if kind != value.Scalar {
		return nil
	}
	r.Reset()
	if err := g.engine.Do(ctx, space, &op.MetaGet{K: key}, &r); err != nil || r.Status != op.Hit {
		return err
	}
	n := len(r.Value())
	it.Bytes, it.Flags = &n, r.Attrs.Flags
	for tag := range r.Attrs.Tags.Names() {
		it.Tags = append(it.Tags, string(tag))
	}
	return nil
}

var kindNames = [...]string{value.None: "none", value.Scalar: "string", value.Dictionary: "dictionary", value.Set: "set", value.List: "list",
	value.SortedSet: "sorted set"}

func (g *Gateway) explainOrigin(x *Explanation, s *source, space hearth.Space, key []byte, now time.Time) {
	o := &ExplainedOrigin{Covers: s.covers(key), Breaker: "closed", Load: s.loadTime.Load(), Queued: max(0, s.queued.Load()-int64(len(s.slots)))}
	x.Origin = o
	if open, until := s.breaker.open(time.Now()); open {
		o.Breaker, o.OpenFor = "open", max(0, time.Until(until).Milliseconds())
	}
	if s.broken != nil {
		o.Problem = s.broken.Error()
	} else if l, ok := s.loader.(locator); ok {
		where, err := l.Where(key)
		if o.Asks = where; err != nil {
			o.Problem = err.Error()
		}
	}
	if left, err := g.flights.verdictFor(space, key, now.UnixMilli()); err != nil {
		o.VerdictFor = left
		switch {
		case hearth.KindOf(err) == hearth.NotFound:
			o.Verdict = "absent"
		case failed(err):
			o.Verdict = "failed"
		default:
			o.Verdict = "refused"
		}
	}
	if it := x.Item; it != nil && it.ExpiresIn != nil && o.Covers {
		left := *it.ExpiresIn - s.grace()
		it.FreshFor = &left
		switch {
		case left > 0:
		case -left < s.revalidate:
			it.State = "stale"
		default:
			it.State = "old"
		}
	}
}

func (g *Gateway) explainAccess(s *control.State, cache string, key []byte, now time.Time) *ExplainedAccess {
	a := &ExplainedAccess{Open: g.open, Keys: []string{}}
	for _, id := range slices.Sorted(maps.Keys(s.Keys)) {
		k := s.Keys[id]
		p := s.PermissionsOf(k)
		items := p.Grant(auth.Items, cache)
		if k.Expired(now.UnixMilli()) || !items.Allows(auth.Read, key) {
			continue
		}
		if a.Of++; len(a.Keys) < explainedKeysMax {
			a.Keys = append(a.Keys, id)
		}
	}
	return a
}

// answer says what a read comes to: the first reason that holds.
func (x *Explanation) answer(s *source) (answer, why string) {
	fails := "miss"
	if s != nil && s.unavailable {
		fails = "unavailable"
	}
	loads := x.Origin != nil && x.Origin.Covers
	switch {
	case x.Limits.Reached:
		return "refused", "the cache's request rate is reached"
	case x.Item != nil && x.Item.State == "fresh":
		return "hit", "the item is there"
	case x.Item != nil && x.Item.State == "stale":
		return "stale", "the item is past its fresh time: it is served, and loaded again meanwhile"
	case loads && x.Origin.Problem != "":
		return x.old(fails), "the origin is not asked for this key: " + x.Origin.Problem
	case loads && x.Origin.Verdict == "absent":
		return "miss", "the origin has said that it has no such item, and is believed for a while"
	case loads && x.Origin.Verdict == "refused":
		return "miss", "the origin has refused the key, or what it has is too large, and is not asked again for a while"
	case loads && x.Origin.Verdict == "failed":
		return x.old(fails), "the origin has failed, and is not asked again for this key for a while"
	case loads && x.Origin.Breaker == "open":
		return x.old(fails), "the origin has failed too often, and is left alone for a while"
	case loads && x.Collapse.Loading:
		return "wait", "hearth is loading the item: this caller waits for it, too"
	case loads:
		return "load", "hearth asks the origin, and callers wait for that"
	case x.Collapse.On && x.Collapse.Loading:
		return "wait", "another caller is loading the item: this one waits for its set"
	case x.Collapse.On:
		return "miss", "there is no item: this caller loads it, and others wait for its set"
	}
	return "miss", "there is no item"
}

// old is the answer where the origin gives nothing: what is past its time may still be good.
func (x *Explanation) old(otherwise string) string {
	if x.Item != nil {
		return "stale"
	}
	return otherwise
}
