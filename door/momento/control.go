package momento

import (
	"context"
	"encoding/base64"
	"slices"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/gateway"
)

// controlRows are the methods of control_client.ScsControl.
func (h *Handler) controlRows() []row {
	const noIndex = "vector indexes are not offered"
	return []row{
		h.later("/control_client.ScsControl/CreateCache", h.named(func(name string) control.Change { return control.CreateCache{Name: name} })),
		h.later("/control_client.ScsControl/DeleteCache", h.named(func(name string) control.Change { return control.DeleteCache{Name: name} })),
		h.later("/control_client.ScsControl/FlushCache", h.named(func(name string) control.Change { return control.FlushCache{Name: name} })),
		h.later("/control_client.ScsControl/ListCaches", h.listCaches),
		h.later("/control_client.ScsControl/CreateSigningKey", h.createSigningKey),
		h.later("/control_client.ScsControl/RevokeSigningKey", h.revokeSigningKey),
		h.later("/control_client.ScsControl/ListSigningKeys", h.listSigningKeys),
		unimplemented("/control_client.ScsControl/CreateIndex", noIndex),
		unimplemented("/control_client.ScsControl/DeleteIndex", noIndex),
		unimplemented("/control_client.ScsControl/ListIndexes", noIndex),
	}
}

type laterFunc = func(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error)

// named serves a request whose only field is the name of a cache, by a change.
func (h *Handler) named(change func(name string) control.Change) laterFunc {
	return func(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
		name, err := text1(m)
		if err != nil {
			return nil, err
		}
		return h.change(ctx, caller, b, change(name))
	}
}

// text1 returns the string in field 1, of requests that have no other field.
func text1(m []byte) (string, error) {
	var v []byte
	f := scan(m)
	for f.next() {
		if f.tag == 1<<3|bytesType {
			v = f.text()
		}
	}
	return string(v), f.err()
}

// cachesPerPage bounds a response of ListCaches well below what clients receive.
const cachesPerPage = 1000

// listCaches answers with a page of caches, by name. The token is the last name of the page before.
func (h *Handler) listCaches(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	token, err := text1(m)
	if err != nil {
		return nil, err
	}
	state, err := h.gateway.Inspect(caller)
	if err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || token != "" && hearth.CheckCacheName(string(after)) != nil {
		return nil, invalid("next_token is not one that ListCaches returned")
	}
	var names []string
	for name := range state.Caches {
		if name > string(after) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	more := len(names) > cachesPerPage
	names = names[:min(len(names), cachesPerPage)]
	for _, name := range names {
		b = appendCache(b, state, state.Caches[name])
	}
	if more {
		b = appendBytes(b, 2, base64.RawURLEncoding.EncodeToString([]byte(names[len(names)-1])))
	}
	return b, nil
}

// appendCache appends a cache with its limits. A limit that nobody set is shown as the vendor's default, because
// clients take these numbers for what they may send.
func appendCache(b []byte, s *control.State, c *control.Cache) []byte {
	settings := s.SettingsOf(c)
	limit := func(k control.Setting, unit int64, otherwise uint64) uint64 {
		if n := settings.Int(k); n != 0 && settings.Given(k) {
			return uint64(max(1, n/unit))
		}
		return otherwise
	}
	b, cache := begin(b, 1)
	b = appendPresent(b, 1, c.Name)
	b, limits := begin(b, 2)
	b = appendUint(b, 1, limit(control.RequestRate, 1, hearth.TrafficRate))
	b = appendUint(b, 2, limit(control.Throughput, 1024, hearth.ThroughputKbps))
	b = appendUint(b, 3, limit(control.ItemBytes, 1024, hearth.ItemKilobytes))
	b = appendUint(b, 4, limit(control.TTLMax, 1000, uint64(hearth.TTLMax.Seconds())))
	b = end(b, limits)
	b, limits = begin(b, 3)
	b = appendUint(b, 1, limit(control.PublishRate, 1, hearth.PublishRate))
	b = appendUint(b, 2, limit(control.Subscriptions, 1, hearth.SubscriptionMax))
	b = appendUint(b, 3, limit(control.MessageBytes, 1024, hearth.PublishKilobyte))
	b = end(b, limits)
	return end(b, cache)
}
