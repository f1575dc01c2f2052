package httpapi

import (
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
)

// itemRoutes are the requests on items of a cache.
func (a *API) itemRoutes() []route {
	return []route{
		{"GET /cache/{cache}", a.getItem},
		{"PUT /cache/{cache}", a.putItem},
		{"POST /cache/{cache}", a.putItem},
		{"DELETE /cache/{cache}", a.deleteItem},
	}
}

func (a *API) getItem(w http.ResponseWriter, r *http.Request) error {
	c, key, err := a.item(r)
	if err != nil {
		return err
	}
	o, reply := &op.Get{K: key}, &op.Reply{}
	defer reply.Reset()
	if err := a.do(r, c, o, reply); err != nil {
		return err
	}
	if reply.Status == op.Miss {
		return &hearth.Error{Kind: hearth.NotFound, Msg: "Key Not Found"}
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(reply.Value())))
	_, _ = w.Write(reply.Value())
	return nil
}

func (a *API) putItem(w http.ResponseWriter, r *http.Request) error {
	c, key, err := a.item(r)
	if err != nil {
		return err
	}
	o := &op.Set{K: key}
	// Who may not write is told so before anything of the body is read.
	if err := a.gateway.Permit(c, o); err != nil {
		return err
	}
	text := r.URL.Query().Get("ttl_seconds")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 || seconds > math.MaxInt64/1000 {
		return invalidf("ttl_seconds is %q; it is required, a whole number above 0", text)
	}
	o.Expiry.TTL = seconds * 1000
	if o.Value, err = readValue(w, r, a.valueMax(c)); err != nil {
		return err
	}
	reply := &op.Reply{}
	if err := a.do(r, c, o, reply); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) deleteItem(w http.ResponseWriter, r *http.Request) error {
	c, key, err := a.item(r)
	if err != nil {
		return err
	}
	if err := a.do(r, c, &op.Delete{K: key}, &op.Reply{}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// item returns who asks and for which key. That the cache exists, and the permission, stand above a malformed key.
func (a *API) item(r *http.Request) (*gateway.Caller, []byte, error) {
	c, err := a.caller(r, r.PathValue("cache"))
	if err != nil {
		return nil, nil, err
	}
	key, err := keyOf(r)
	if err != nil {
		if first := c.Check(op.Reads); hearth.KindOf(first) == hearth.NoCache {
			return nil, nil, first
		}
		return nil, nil, err
	}
	return c, key, nil
}

// keyOf returns the key that the query names: as text in key, or in URL-safe base64 in key_base64.
func keyOf(r *http.Request) ([]byte, error) {
	query := r.URL.Query()
	text, encoded := query["key"], query["key_base64"]
	if len(text)+len(encoded) != 1 {
		return nil, invalid("exactly one of the query parameters key and key_base64 names the item")
	}
	if len(text) == 1 {
		return []byte(text[0]), nil
	}
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded[0], "="))
	if err != nil {
		return nil, invalid("key_base64 is not URL-safe base64")
	}
	return key, nil
}

// do runs a command, waiting where it must.
func (a *API) do(r *http.Request, c *gateway.Caller, o op.Op, reply *op.Reply) error {
	done, err := a.gateway.Try(c, o, reply)
	if done {
		return err
	}
	return a.gateway.Do(r.Context(), c, o, reply)
}

// valueMax returns the size of the largest value that the caller's cache takes.
func (a *API) valueMax(c *gateway.Caller) int64 {
	s := a.gateway.View()
	if cache := s.Caches[c.Cache()]; cache != nil {
		settings := s.SettingsOf(cache)
		return settings.Int(control.ItemBytes)
	}
	return 0
}

// readValue reads a body of at most bytesMax bytes.
func readValue(w http.ResponseWriter, r *http.Request, bytesMax int64) ([]byte, error) {
	tooLarge := &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize, Msg: "request limit: the value is larger than the cache's largest item"}
	if r.ContentLength > bytesMax {
		return nil, tooLarge
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bytesMax))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, &hearth.Error{Kind: hearth.Canceled, Msg: "the body ended early", Err: err}
	}
	return b, nil
}
