package httpapi

import (
	"bytes"
	"encoding/base64"
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
		{"GET /cache/{cache}", a.getItem, doc{summary: "Returns the value of an item; HEAD, Range, If-Match and If-None-Match do what HTTP says of them",
			query: "key key_base64 token", answer: raw{}}},
		{"PUT /cache/{cache}", a.putItem, doc{summary: "Stores the body as an item; with If-Match or If-None-Match only where that holds of the present one",
			query: "key key_base64 ttl_seconds! token", header: tagsHeader, body: raw{}}},
		{"POST /cache/{cache}", a.putItem, doc{summary: "Stores the body as an item, as PUT does", query: "key key_base64 ttl_seconds! token", header: tagsHeader, body: raw{}}},
		{"DELETE /cache/{cache}", a.deleteItem, doc{summary: "Deletes an item, if there is one", query: "key key_base64 token"}},
		{"GET /cache/get/{cache}/{key...}", a.getOldItem, doc{summary: "Returns the value of an item, by the old address", query: "token", answer: raw{}}},
		{"PUT /cache/set/{cache}/{key...}", a.putOldItem, doc{summary: "Stores the body as an item, by the old address", query: "ttl_milliseconds! token", header: tagsHeader, body: raw{}}},
		{"POST /cache/set/{cache}/{key...}", a.putOldItem, doc{summary: "Stores the body as an item, by the old address, as PUT does",
			query: "ttl_milliseconds! token", header: tagsHeader, body: raw{}}},
	}
}

func (a *API) getItem(w http.ResponseWriter, r *http.Request) error {
	c, key, err := a.item(r)
	if err != nil {
		return err
	}
	return a.answerItem(w, r, c, key)
}

// answerItem answers with an item, or with what of it the request asks for: its head, a range, or that it is unchanged.
func (a *API) answerItem(w http.ResponseWriter, r *http.Request, c *gateway.Caller, key []byte) error {
	reply := &op.Reply{}
	defer reply.Reset()
	if err := a.do(r, c, &op.GetTTL{K: key}, reply); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Status", cacheStatus(reply))
	if reply.Status == op.Miss {
		return &hearth.Error{Kind: hearth.NotFound, Msg: "Key Not Found"}
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", cacheControl(reply))
	h.Set("ETag", etagOf(reply))
	h.Set("Accept-Ranges", "bytes")
	if r.Method == http.MethodGet && !partial(r) {
		h.Set("Content-Length", strconv.Itoa(len(reply.Value())))
		_, _ = w.Write(reply.Value()) // of a large value from where the engine keeps it
		return nil
	}
	serve(&exact{ResponseWriter: w}, r, int64(len(reply.Value())), bytes.NewReader(reply.Value()))
	return nil
}

// partial reports whether a GET may be answered with less than all of the item.
func partial(r *http.Request) bool {
	for _, name := range [...]string{"Range", "If-Match", "If-None-Match"} {
		if r.Header[name] != nil {
			return true
		}
	}
	return false
}

func (a *API) putItem(w http.ResponseWriter, r *http.Request) error {
	c, key, err := a.item(r)
	if err != nil {
		return err
	}
	return a.storeItem(w, r, c, key, "ttl_seconds", 1000)
}

// storeItem stores the body of a request; the query parameter named ttl says how long it lives, in so many milliseconds.
func (a *API) storeItem(w http.ResponseWriter, r *http.Request, c *gateway.Caller, key []byte, ttl string, millis int64) error {
	when, err := conditionOf(r)
	if err != nil {
		return err
	}
	if when.tags = tagsOf(r); len(when.tags) > 0 && when.kind != op.Always {
		return invalid("the header Hearth-Tags goes with no precondition")
	}
	// Who may not write is told so before anything of the body is read.
	if err := a.gateway.Permit(c, when.set(key, nil, nil, op.Expiry{})); err != nil {
		return err
	}
	text := r.URL.Query().Get(ttl)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/1000 {
		return invalidf("%s is %q; it is required, a whole number above 0", ttl, text)
	}
	b, err := a.receive(w, r, c, key)
	if err != nil {
		return err
	}
	defer b.release()
	reply := &op.Reply{}
	defer reply.Reset()
	if err := a.do(r, c, when.set(key, b.bytes, b.block, op.Expiry{TTL: n * millis}), reply); err != nil {
		return err
	}
	if reply.Status == op.Refused {
		return &hearth.Error{Kind: hearth.Precondition, Msg: "the item is not as the condition of the request wants it"}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// getOldItem and putOldItem serve the addresses of the old transcoding, which presigned URLs used.
func (a *API) getOldItem(w http.ResponseWriter, r *http.Request) error {
	c, err := a.caller(r, r.PathValue("cache"))
	if err != nil {
		return err
	}
	return a.answerItem(w, r, c, []byte(r.PathValue("key")))
}

func (a *API) putOldItem(w http.ResponseWriter, r *http.Request) error {
	c, err := a.caller(r, r.PathValue("cache"))
	if err != nil {
		return err
	}
	return a.storeItem(w, r, c, []byte(r.PathValue("key")), "ttl_milliseconds", 1)
}

func (a *API) deleteItem(w http.ResponseWriter, r *http.Request) error {
	c, key, err := a.item(r)
	if err != nil {
		return err
	}
	if err := unconditional(r); err != nil {
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
	return decodeKey(encoded[0])
}

// decodeKey decodes URL-safe base64, with or without padding.
func decodeKey(text string) ([]byte, error) {
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
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
