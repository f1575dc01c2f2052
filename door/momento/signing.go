package momento

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/gateway"
)

func (h *Handler) createSigningKey(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	var minutes uint32
	f := scan(m)
	for f.next() {
		if f.tag == 1<<3|varintType {
			minutes = uint32(f.num)
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	key, err := h.gateway.CreateSigningKey(ctx, caller, time.Duration(minutes)*time.Minute)
	if err != nil {
		return nil, err
	}
	b = appendBytes(b, 1, key.JWK())
	return appendUint(b, 2, uint64(key.Expires/1000)), nil
}

func (h *Handler) revokeSigningKey(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	id, err := text1(m)
	if err != nil {
		return nil, err
	}
	return h.change(ctx, caller, b, control.RevokeSigningKey{ID: id})
}

// listSigningKeys answers with all keys in one page. Those that hearth signs with by itself are not the user's to see.
func (h *Handler) listSigningKeys(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	token, err := text1(m)
	if err != nil {
		return nil, err
	}
	state, err := h.gateway.Inspect(caller)
	if err != nil {
		return nil, err
	}
	if token != "" {
		return nil, invalid("next_token is not one that ListSigningKeys returned")
	}
	var keys []*auth.SigningKey
	for _, k := range state.Signing {
		if k.Seed == nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y *auth.SigningKey) int { return strings.Compare(x.ID, y.ID) })
	for _, k := range keys {
		opened, start := begin(b, 1)
		opened = appendBytes(opened, 1, k.ID)
		b = end(appendUint(opened, 2, uint64(k.Expires/1000)), start)
	}
	return b, nil
}
