package momento

import (
	"context"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/gateway"
)

// authRows are the methods that issue keys and tokens: auth.Auth and token.Token. Who asks is said in the message, and
// some clients send no header.
func (h *Handler) authRows() []row {
	return []row{
		unimplemented("/auth.Auth/Login", "there is no login by browser: create a key with hearth key create"),
		{"/auth.Auth/GenerateApiToken", func(c h2.Call) { h.issue(c, h.generateKey) }},
		{"/auth.Auth/RefreshApiToken", func(c h2.Call) { h.issue(c, h.refreshKey) }},
		{"/token.Token/GenerateDisposableToken", func(c h2.Call) { h.issue(c, h.generateToken) }},
	}
}

// issue serves a call that issues a credential, which may wait for the store.
func (h *Handler) issue(c h2.Call, f func(ctx context.Context, c h2.Call) ([]byte, error)) {
	h.detach(c, func(ctx context.Context) {
		b, err := f(ctx, c)
		if err != nil {
			fail(c, err)
			return
		}
		c.End(b)
		c.Finish(h2.Status{})
	})
}

// asker returns who asks: by the token in the message, by the header where there is none.
func (h *Handler) asker(c h2.Call, token []byte) (*gateway.Caller, error) {
	if len(token) == 0 {
		token = c.Header("authorization")
	}
	return h.gateway.SignIn(gateway.Credential{Token: string(token), Peer: peer(c)}, "")
}

func (h *Handler) generateKey(ctx context.Context, c h2.Call) ([]byte, error) {
	var r auth.KeyRequest
	var token []byte
	var permissions, expiry bool
	f := scan(c.Message())
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			r.Never, expiry = true, true
			f.empty()
		case 2<<3 | bytesType:
			r.Seconds, r.Never, expiry = f.seconds(), false, true
		case 3<<3 | bytesType:
			token = f.text()
		case 4<<3 | bytesType:
			var err error
			if r.Permissions, permissions, err = decodePermissions(f.data); err != nil {
				return nil, err
			}
		case 5<<3 | bytesType:
			r.TokenID = string(f.text())
		case 6<<3 | bytesType:
			r.Description = string(f.text())
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	caller, err := h.asker(c, token)
	if err != nil {
		return nil, err
	}
	if err := caller.May(auth.Authorization, auth.Write); err != nil {
		return nil, err
	}
	switch {
	case !expiry:
		return nil, invalid("expiry is missing: never, or valid_for_seconds")
	case !permissions:
		return nil, invalid("permissions are missing: super_user, or explicit ones")
	}
	made, err := h.gateway.CreateKey(ctx, caller, r)
	return appendKey(c.Begin(), &made), err
}

func (h *Handler) refreshKey(ctx context.Context, c h2.Call) ([]byte, error) {
	var key, refresh []byte
	f := scan(c.Message())
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			key = f.text()
		case 2<<3 | bytesType:
			refresh = f.text()
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	made, err := h.gateway.RefreshKey(ctx, string(key), string(refresh))
	return appendKey(c.Begin(), &made), err
}

func (h *Handler) generateToken(ctx context.Context, c h2.Call) ([]byte, error) {
	var r auth.TokenRequest
	var token []byte
	f := scan(c.Message())
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			r.Seconds = f.seconds()
		case 2<<3 | bytesType:
			token = f.text()
		case 3<<3 | bytesType:
			p, _, err := decodePermissions(f.data)
			if err != nil {
				return nil, err
			}
			if p.Super {
				return nil, invalid("a disposable token cannot be a super user's")
			}
			r.Rules = p.Rules
		case 4<<3 | bytesType:
			r.TokenID = string(f.text())
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	caller, err := h.asker(c, token)
	if err != nil {
		return nil, err
	}
	made, err := h.gateway.CreateToken(ctx, caller, r)
	b := appendBytes(c.Begin(), 1, made.Token)
	b = appendBytes(b, 2, made.Endpoint)
	return appendUint(b, 3, uint64(made.ValidUntil)), err
}

// appendKey appends the fields that responses with a key have.
func appendKey(b []byte, made *auth.Issued) []byte {
	b = appendBytes(b, 1, made.Token)
	b = appendBytes(b, 2, made.Refresh)
	b = appendBytes(b, 3, made.Endpoint)
	return appendUint(b, 4, uint64(made.ValidUntil))
}

// seconds returns field 1 of the sub-message in the present field: valid_for_seconds.
func (f *fields) seconds() int64 {
	var n uint32
	sub := scan(f.data)
	for sub.next() {
		if sub.tag == 1<<3|varintType {
			n = uint32(sub.num)
		}
	}
	f.bad = f.bad || sub.bad
	return int64(n)
}
