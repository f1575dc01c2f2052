// Package httpapi serves plain HTTP: items of caches, keys and roles as Momento's APIs have them, and the
// administration of hearth itself. It knows nothing of how credentials are verified, limits kept or items stored.
//
// A request is a row: its pattern and how it is served. Rows stand with their family, as a function that returns them
// (itemRoutes in item.go, roleRoutes in role.go …); routes lists those functions, and a new family adds one line
// there. The OpenAPI document is made of the rows. A row's function returns an error where it has not answered; refuse says each kind of error once for all.
package httpapi

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
)

// Options configures an API. Gateway is required.
type Options struct {
	Gateway *gateway.Gateway
	Prices  *control.PriceBook // turns usage into money; nil is no money
	Budget  *door.Budget       // of messages that arrive over WebSockets; bodies count before they come here. nil is one of its own
	Answers *door.Budget       // of answers of batches and polls that are being sent; nil is one of door.AnswerBytesMax of its own
}

// API answers HTTP requests through a gateway. It is an http.Handler.
type API struct {
	gateway *gateway.Gateway
	prices  *control.PriceBook
	mux     *http.ServeMux
	topics  http.Handler
	answers *door.Budget
}

// New returns the API of a gateway.
func New(o Options) *API {
	a := &API{gateway: o.Gateway, prices: o.Prices, mux: http.NewServeMux(), answers: cmp.Or(o.Answers, &door.Budget{Max: door.AnswerBytesMax})}
	a.topics = newTopics(o.Gateway, cmp.Or(o.Budget, &door.Budget{}), a.answers)
	for _, r := range a.routes() {
		serve := func(w http.ResponseWriter, q *http.Request) {
			if err := r.serve(w, q); err != nil {
				refuse(w, err)
			}
		}
		_, path, _ := strings.Cut(r.pattern, " ")
		if slices.ContainsFunc(forPages[:], func(of string) bool { return strings.HasPrefix(path, of) }) {
			serve = forPage(serve)
		}
		a.mux.HandleFunc(r.pattern, serve)
	}
	a.mux.Handle("OPTIONS /topics/", a.topics)
	for _, path := range forPages {
		a.mux.HandleFunc("OPTIONS "+path, preflight)
	}
	a.mux.HandleFunc("/", a.nowhere)
	return a
}

// route is one request, how it is served, and what the OpenAPI document says of it. An error is what serve returns in
// place of an answer.
type route struct {
	pattern string
	serve   func(w http.ResponseWriter, r *http.Request) error
	doc     doc
}

// routes returns the rows of all families: a new family adds a line.
func (a *API) routes() []route {
	return slices.Concat(
		a.itemRoutes(),
		a.batchRoutes(),
		a.tagRoutes(),
		a.claimRoutes(),
		a.topicRoutes(),
		a.keyRoutes(),
		a.roleRoutes(),
		a.adminRoutes(),
		a.usageRoutes(),
		a.openAPIRoutes(),
	)
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// caller returns who asks, for a cache. The credential is in the header or in the query parameter token, not in both.
func (a *API) caller(r *http.Request, cache string) (*gateway.Caller, error) {
	token, err := a.credential(r)
	if err != nil {
		return nil, err
	}
	return a.signIn(r, token, cache)
}

// credential returns what a request shows, in the header or in the query parameter token.
func (a *API) credential(r *http.Request) (string, error) {
	token, err := header(r)
	if err != nil {
		return "", err
	}
	query := r.URL.Query()["token"]
	switch {
	case len(query) > 1:
		return "", invalid("the query parameter token is given twice")
	case len(query) == 1 && token != "":
		return "", invalid("the credential is given twice: in the header Authorization and in the query parameter token")
	case len(query) == 1:
		token = query[0]
	}
	return token, nil
}

// admin returns who asks for administration, once they may. The credential is in the header: addresses are logged.
func (a *API) admin(r *http.Request, what auth.Resource, need auth.Access) (*gateway.Caller, error) {
	token, err := header(r)
	if err != nil {
		return nil, err
	}
	if r.URL.Query().Has("token") {
		return nil, invalid("the credential belongs in the header Authorization, not in the address")
	}
	c, err := a.signIn(r, token, "")
	if err != nil {
		return nil, err
	}
	return c, c.May(what, need)
}

func header(r *http.Request) (string, error) {
	h := r.Header.Values("Authorization")
	if len(h) > 1 {
		return "", invalid("the header Authorization is given twice")
	}
	return r.Header.Get("Authorization"), nil
}

func (a *API) signIn(r *http.Request, token, cache string) (*gateway.Caller, error) {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a.gateway.SignIn(gateway.Credential{Token: token, Peer: from.Addr(), Door: gateway.HTTP}, cache)
}

// bodyBytesMax bounds the JSON bodies of requests.
const bodyBytesMax = 1 << 20

// read decodes a JSON body, in which every member must be known.
func read(r *http.Request, v any) error { return readUpTo(r, bodyBytesMax, v) }

func readUpTo(r *http.Request, bytesMax int64, v any) error {
	b, err := io.ReadAll(io.LimitReader(r.Body, bytesMax+1))
	switch {
	case err != nil:
		return endedEarly(err)
	case int64(len(b)) > bytesMax:
		return &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize, Msg: fmt.Sprintf("the body is longer than %d bytes", bytesMax)}
	}
	return decode(b, v)
}

func invalidf(format string, args ...any) error { return invalid(fmt.Sprintf(format, args...)) }
