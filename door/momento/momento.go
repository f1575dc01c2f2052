// Package momento answers the gRPC calls of Momento's SDKs: data, leaderboards, control, topics, keys. It knows their
// messages and headers, and nothing of HTTP/2, of permissions and limits, or of where items live. It is an h2.Handler;
// Web carries the same calls over gRPC-Web.
//
// A method is a row: its name and how it is served. Rows stand with their family, as a method of Handler that returns
// them (scalarRows in scalar.go, controlRows in control.go …); families lists those methods, and a new family adds one
// line there. Three makers build rows:
//
//   - data, for a request that is one command: decode the message's fields into an op struct, run it through the
//     gateway, append the reply's fields. decode and encode allocate nothing; a command that has to wait is decoded
//     again from the copied message and run on a goroutine.
//   - later, for a call that may wait for a store or the network (a control change, a new key): it runs on a goroutine
//     of its own with the call's context and the Caller, and appends its response.
//   - row{method, serve} for everything else, such as streams: serve gets the h2.Call as it came. Handler.caller says
//     who calls, fail finishes with an error, Call.Stream keeps the call open.
//
// Messages are read with fields (wire.go) and written with appendUint, appendBytes, begin and end; package pb, which
// registers descriptors at start, is for tests and clients.
package momento

import (
	"bytes"
	"context"
	"net/netip"
	"sync"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/gateway"
)

// Handler answers calls through a gateway. It is an h2.Handler.
type Handler struct {
	gateway *gateway.Gateway
	rows    map[string]*row
	pool    sync.Pool // of *messages
}

var _ h2.Handler = (*Handler)(nil)

// row is one method and how it is served.
type row struct {
	method string // as in the path: "/package.Service/Method"
	serve  func(c h2.Call)
}

// New returns a handler over a gateway.
func New(g *gateway.Gateway) *Handler {
	h := &Handler{gateway: g, rows: map[string]*row{}}
	for _, rows := range families {
		for _, r := range rows(h) {
			h.rows[r.method] = &r
		}
	}
	h.pool.New = func() any { return &messages{} }
	return h
}

// families lists every family of methods.
var families = []func(*Handler) []row{
	(*Handler).plainRows,
	(*Handler).scalarRows,
	(*Handler).conditionalRows,
	(*Handler).keyRows,
	(*Handler).dictRows,
	(*Handler).setRows,
	(*Handler).listRows,
	(*Handler).sortedRows,
	(*Handler).boardRows,
	(*Handler).controlRows,
	(*Handler).topicRows,
	(*Handler).webhookRows,
	(*Handler).authRows,
	(*Handler).fetchRows,
}

// ServeCall implements h2.Handler.
func (h *Handler) ServeCall(c h2.Call) {
	r := h.rows[c.Method()]
	if r == nil {
		fail(c, &hearth.Error{Kind: hearth.Unimplemented, Msg: "unknown method " + c.Method()})
		return
	}
	r.serve(c)
}

// Methods returns the paths that are served, in no order.
func (h *Handler) Methods() []string {
	var all []string
	for m := range h.rows {
		all = append(all, m)
	}
	return all
}

// fail finishes the call with an error.
func fail(c h2.Call, err error) { c.Finish(statusOf(err)) }

// session is what the handler keeps with a connection: the last few pairs of credential and cache that it showed.
type session struct {
	known []known
	next  int // which to forget when there is no more room
}

type known struct {
	token, cache string
	caller       *gateway.Caller
}

// Gone implements h2.Goner: what the connection's callers were loading, others may load now.
func (s *session) Gone() {
	for i := range s.known {
		s.known[i].caller.Gone()
	}
}

// callersKept is how many Callers a connection remembers.
const callersKept = 4

// caller returns who calls, for the cache in the header of that name.
func (h *Handler) caller(c h2.Call) (*gateway.Caller, error) {
	return h.callerOn(c, c.Header("cache"))
}

// cacheCaller returns who calls, for the cache that the header has to name.
func (h *Handler) cacheCaller(c h2.Call) (*gateway.Caller, error) {
	caller, err := h.caller(c)
	if err == nil && caller.Cache() == "" {
		err = errNoCacheHeader
	}
	return caller, err
}

// callerOn returns who calls, for a cache that the message names; nil is none.
func (h *Handler) callerOn(c h2.Call, cache []byte) (*gateway.Caller, error) {
	token := bytes.TrimPrefix(c.Header("authorization"), []byte("Bearer "))
	s, _ := (*c.Local()).(*session)
	if s == nil {
		s = &session{}
		*c.Local() = s
	}
	for i := range s.known {
		k := &s.known[i]
		if k.cache == string(cache) && k.token == string(token) && k.caller.Fresh() {
			return k.caller, nil
		}
	}
	caller, err := h.gateway.SignIn(gateway.Credential{Token: string(token), Peer: peer(c)}, string(cache))
	if err != nil {
		return nil, err
	}
	s.remember(known{string(token), string(cache), caller})
	return caller, nil
}

// peer returns where the call comes from, the zero Addr where its server does not say.
func peer(c h2.Call) netip.Addr {
	if p, ok := c.(h2.Peered); ok {
		return p.Peer()
	}
	return netip.Addr{}
}

func (s *session) remember(k known) {
	for i := range s.known {
		if old := &s.known[i]; old.cache == k.cache && old.token == k.token {
			*old = k
			return
		}
	}
	if len(s.known) < callersKept {
		s.known = append(s.known, k)
		return
	}
	s.known[s.next] = k
	s.next = (s.next + 1) % callersKept
}

// errNoCacheHeader is the error of a data call that does not say which cache it is for.
var errNoCacheHeader = invalid(`the request header "cache", which names the cache, is missing or empty`)

// detach keeps the call open and runs f on a goroutine.
func (h *Handler) detach(c h2.Call, f func(ctx context.Context)) {
	ctx := c.Detach()
	h.start(func() { f(ctx) })
}

// start runs f on a goroutine: the only place of this package that starts one.
func (h *Handler) start(f func()) { go f() }

// later returns the row of a call that may have to wait: f runs on a goroutine of its own and appends the response.
func (h *Handler) later(method string, f func(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error)) row {
	return row{method, func(c h2.Call) {
		caller, err := h.callerOn(c, nil)
		if err != nil {
			fail(c, err)
			return
		}
		h.detach(c, func(ctx context.Context) {
			b, err := f(ctx, caller, c.Message(), nil)
			if err != nil {
				fail(c, err)
				return
			}
			c.End(append(c.Begin(), b...))
			c.Finish(h2.Status{})
		})
	}}
}

// unimplemented returns the row of a method that the protocol has and hearth does not offer.
func unimplemented(method, why string) row {
	return row{method, func(c h2.Call) { fail(c, &hearth.Error{Kind: hearth.Unimplemented, Msg: why}) }}
}

// change makes a control change and answers with an empty message.
func (h *Handler) change(ctx context.Context, caller *gateway.Caller, b []byte, change control.Change) ([]byte, error) {
	return b, h.gateway.Change(ctx, caller, change)
}
