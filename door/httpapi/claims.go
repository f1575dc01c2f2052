package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
)

// claimRoutes are the requests on claim checks: those with a credential under /claims, those of whoever has a ticket
// under /tickets.
func (a *API) claimRoutes() []route {
	keyed, bring := "key key_base64 token", "key key_base64 ttl_seconds reads token"
	rows := []route{
		{"PUT /claims/{cache}", a.bringClaim, doc{summary: "Stores the body, of any size up to the cache's claim-bytes, and returns a ticket for it", query: bring,
			body: raw{}, code: http.StatusCreated, answer: madeClaim{}}},
		{"POST /claims/{cache}", a.bringClaim, doc{summary: "Stores the body behind a ticket, as PUT does", query: bring, body: raw{}, code: http.StatusCreated, answer: madeClaim{}}},
		{"GET /claims/{cache}", a.readClaim, doc{summary: "Returns the payload of a key", query: keyed, answer: raw{}, also: "*/*"}},
		{"DELETE /claims/{cache}", a.deleteClaim, doc{summary: "Deletes the payload of a key, if there is one: its ticket redeems nothing any more", query: keyed}},
		{"POST /claims/{cache}/tickets", a.permitClaim, doc{summary: "Returns a ticket that permits one upload", query: "token", body: permitBody{}, code: http.StatusCreated, answer: madePermit{}}},
		{"GET /tickets/{ticket}", a.redeemTicket, doc{summary: "Returns the payload that a ticket is for. It takes no credential; each GET is one of the ticket's redemptions", query: "key", answer: raw{}, also: "*/*"}},
		{"PUT /tickets/{ticket}", a.useTicket, doc{summary: "Stores the body as the ticket permits. It takes no credential", body: raw{}, code: http.StatusCreated, answer: madeClaim{}}},
		{"POST /tickets/{ticket}", a.useTicket, doc{summary: "Stores the body as the ticket permits, as PUT does", body: raw{}, code: http.StatusCreated, answer: madeClaim{}}},
		{"DELETE /tickets/{ticket}", a.revokeTicket, doc{summary: "Deletes what a ticket is for, or the permission that it is, for a credential that may", query: "token"}},
	}
	for i := range rows {
		rows[i].serve = claiming(rows[i].serve)
	}
	return rows
}

// claiming gives refusals of payloads their own statuses.
func claiming(serve func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := serve(w, r)
		var e *hearth.Error
		if !errors.As(err, &e) || e.Kind != hearth.Limited {
			return err
		}
		switch e.Limit {
		case hearth.RequestSize:
			return &coded{http.StatusRequestEntityTooLarge, err}
		case hearth.MemoryLimit:
			return &coded{http.StatusInsufficientStorage, err}
		}
		return err
	}
}

// madeClaim is a payload that was stored, as JSON.
type madeClaim struct {
	Ticket  string `json:"ticket"`
	URL     string `json:"url"`
	Cache   string `json:"cache"`
	Key     string `json:"key"`
	Expires int64  `json:"expires_at_epoch_seconds"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
	Type    string `json:"content_type"`
	Reads   int    `json:"reads"` // 0 is any number
	Pinned  bool   `json:"pinned"`
}

func (a *API) bringClaim(w http.ResponseWriter, r *http.Request) error {
	c, err := a.caller(r, r.PathValue("cache"))
	if err != nil {
		return err
	}
	if err := unconditional(r); err != nil {
		return err
	}
	request := gateway.ClaimRequest{Size: r.ContentLength, Type: r.Header.Get("Content-Type")}
	query := r.URL.Query()
	if query.Has("key") || query.Has("key_base64") {
		if request.Key, err = keyOf(r); err != nil {
			return err
		}
	}
	seconds, err := number(query, "ttl_seconds", 1, math.MaxInt32)
	if err != nil {
		return err
	}
	request.TTL = time.Duration(seconds) * time.Second
	if request.Reads, err = number(query, "reads", 0, hearth.ClaimReadsMax); err != nil {
		return err
	}
	u, err := a.gateway.BringClaim(r.Context(), c, request)
	if err != nil {
		return err
	}
	return a.receiveClaim(w, r, u)
}

func number(query url.Values, name string, least, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, invalidf("%s is %q; it is a whole number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// receiveClaim reads the body of a request into an upload and answers with what it has become.
func (a *API) receiveClaim(w http.ResponseWriter, r *http.Request, u *gateway.Upload) error {
	defer u.Close()
	want, err := digestOf(r)
	if err != nil {
		return err
	}
	door.Loosen(r.Body)
	if err := u.Receive(r.Context(), r.Body); err != nil {
		return err
	}
	if got := u.Digest(); want != nil && string(want) != string(got[:]) {
		return invalid("the SHA-256 of the payload is not what the request says")
	}
	c, err := u.Commit(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, madeClaim{Ticket: c.Ticket, URL: ticketURL(r, c.Ticket), Cache: c.Cache, Key: c.Key, Expires: c.Expires.Unix(),
		Size: c.Size, SHA256: hex.EncodeToString(c.SHA256[:]), Type: c.Type, Reads: c.Reads, Pinned: c.Pinned})
	return nil
}

// digestOf returns the SHA-256 that the request says its payload has (RFC 9530), nil where it says none.
func digestOf(r *http.Request) ([]byte, error) {
	for _, name := range [...]string{"Repr-Digest", "Content-Digest"} {
		for part := range strings.SplitSeq(strings.Join(r.Header.Values(name), ","), ",") {
			text, ok := strings.CutPrefix(strings.TrimSpace(part), "sha-256=")
			if !ok {
				continue
			}
			inner, opened := strings.CutPrefix(text, ":")
			inner, closed := strings.CutSuffix(inner, ":")
			b, err := base64.StdEncoding.DecodeString(inner)
			if err != nil || len(b) != sha256.Size || !opened || !closed {
				return nil, invalidf("%s: sha-256 is not base64 of 32 bytes between colons", name)
			}
			return b, nil
		}
	}
	return nil, nil
}

// ticketURL is where a ticket is redeemed, by the name that this request came to.
func ticketURL(r *http.Request, ticket string) string {
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + r.Host + "/tickets/" + ticket
}

func (a *API) readClaim(w http.ResponseWriter, r *http.Request) error {
	c, key, err := a.item(r)
	if err != nil {
		return err
	}
	d, err := a.gateway.ReadClaim(r.Context(), c, key)
	if err != nil {
		return err
	}
	return a.answerClaim(w, r, d)
}

func (a *API) deleteClaim(w http.ResponseWriter, r *http.Request) error {
	c, key, err := a.item(r)
	if err == nil {
		err = unconditional(r)
	}
	if err == nil {
		err = a.gateway.DeleteClaim(r.Context(), c, key)
	}
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// permitBody asks for a ticket that permits one upload.
type permitBody struct {
	named
	BytesMax int64  `json:"bytes_max,omitempty"`     // of the payload; missing is the cache's claim-bytes
	Valid    int64  `json:"valid_seconds,omitempty"` // of the ticket; missing is an hour
	Seconds  int64  `json:"ttl_seconds,omitempty"`   // of the payload, from when it begins to come; missing is an hour
	Reads    int    `json:"reads,omitempty"`         // missing is any number
	Type     string `json:"content_type,omitempty"`  // that the upload must have; missing is any
}

type madePermit struct {
	Ticket   string `json:"ticket"`
	URL      string `json:"url"`
	Key      string `json:"key"`
	Expires  int64  `json:"expires_at_epoch_seconds"`
	BytesMax int64  `json:"bytes_max"`
}

func (a *API) permitClaim(w http.ResponseWriter, r *http.Request) error {
	c, err := a.caller(r, r.PathValue("cache"))
	if err != nil {
		return err
	}
	var body permitBody
	if err := read(r, &body); err != nil {
		return err
	}
	if body.BytesMax < 0 || body.Valid < 0 || body.Seconds < 0 || body.Valid > math.MaxInt32 || body.Seconds > math.MaxInt32 {
		return invalid("bytes_max, valid_seconds and ttl_seconds are whole numbers above 0; 0 is as good as missing")
	}
	q := gateway.PermissionRequest{Valid: time.Duration(body.Valid) * time.Second, Claim: gateway.ClaimRequest{
		Size: body.BytesMax, TTL: time.Duration(body.Seconds) * time.Second, Reads: body.Reads, Type: body.Type}}
	if body.Key != nil || body.KeyBase64 != nil {
		switch {
		case body.Key != nil && body.KeyBase64 != nil:
			return invalid("at most one of key and key_base64 names the item")
		case body.Key != nil:
			q.Claim.Key = []byte(*body.Key)
		default:
			if q.Claim.Key, err = decodeKey(*body.KeyBase64); err != nil {
				return err
			}
		}
	}
	p, err := a.gateway.PermitClaim(r.Context(), c, q)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, madePermit{p.Ticket, ticketURL(r, p.Ticket), p.Key, p.Expires.Unix(), p.SizeMax})
	return nil
}

func (a *API) useTicket(w http.ResponseWriter, r *http.Request) error {
	if err := unconditional(r); err != nil {
		return err
	}
	u, err := a.gateway.BringPermitted(r.Context(), r.PathValue("ticket"), r.ContentLength, r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	return a.receiveClaim(w, r, u)
}

func (a *API) redeemTicket(w http.ResponseWriter, r *http.Request) error {
	var key []byte
	if query := r.URL.Query(); query.Has("key") {
		key = []byte(query.Get("key"))
	}
	d, err := a.gateway.RedeemClaim(r.Context(), r.PathValue("ticket"), key)
	if err != nil {
		return err
	}
	return a.answerClaim(w, r, d)
}

func (a *API) revokeTicket(w http.ResponseWriter, r *http.Request) error {
	token, err := a.credential(r)
	if err != nil {
		return err
	}
	if err := unconditional(r); err != nil {
		return err
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	cred := gateway.Credential{Token: token, Peer: from.Addr(), Door: gateway.HTTP}
	if err := a.gateway.RevokeTicket(r.Context(), cred, r.PathValue("ticket")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answerClaim answers with a payload, or with what of it the request asks for. A redemption is counted before the first
// byte of it goes out: not for HEAD, nor where the client has it already.
func (a *API) answerClaim(w http.ResponseWriter, r *http.Request, d *gateway.Download) error {
	defer d.Close()
	if err := d.Hold(); err != nil {
		return err
	}
	out := &redeeming{exact: exact{ResponseWriter: &hurried{w, http.NewResponseController(w)}}, d: d, head: r.Method == http.MethodHead}
	out.describe()
	if r.Method != http.MethodGet || partial(r) {
		serve(out, r, d.Size, &steady{d})
		return nil
	}
	w.Header().Set("Content-Length", strconv.FormatInt(d.Size, 10))
	out.WriteHeader(http.StatusOK)
	if out.refused {
		return nil
	}
	if _, err := d.WriteTo(out); err != nil {
		panic(http.ErrAbortHandler) // what has been sent must not look like the whole
	}
	return nil
}

// redeeming counts a redemption when an answer begins that has something of the payload.
type redeeming struct {
	exact
	d    *gateway.Download
	head bool
}

func (t *redeeming) describe() {
	h, d := t.Header(), t.d
	kind := d.Type
	if kind == "" {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox") // whoever brought it, it is no page of ours
	h.Set("ETag", `"`+hex.EncodeToString(d.SHA256[:])+`"`)
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(d.SHA256[:])+":")
	h.Set("Accept-Ranges", "bytes")
	left := strconv.FormatInt(max(0, int64(time.Until(d.Expires).Seconds())), 10)
	h.Set("Cache-Status", "hearth; hit; ttl="+left)
	h.Set("Cache-Control", "private, max-age="+left)
	if d.Reads != 0 {
		h.Set("Cache-Control", "no-store")
	}
}

// WriteHeader implements http.ResponseWriter.
func (t *redeeming) WriteHeader(code int) {
	if !t.head && (code == http.StatusOK || code == http.StatusPartialContent) {
		if err := t.d.Take(); err != nil {
			t.refused = true
			for _, name := range [...]string{"Content-Length", "Content-Range", "ETag", "Repr-Digest", "Accept-Ranges", "Cache-Status"} {
				t.Header().Del(name)
			}
			refuse(t.ResponseWriter, err)
			return
		}
	}
	t.exact.WriteHeader(code)
}

// steady aborts an answer whose payload cannot be read to the end: what has been sent must not look like the whole.
type steady struct {
	io.ReadSeeker
}

// Read implements io.Reader.
func (s *steady) Read(b []byte) (int, error) {
	n, err := s.ReadSeeker.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// answerIdleMax is how long a client may take nothing of an answer: it holds memory meanwhile.
const answerIdleMax = 30 * time.Second

// hurried writes as long as the client takes something now and then.
type hurried struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Write implements http.ResponseWriter.
func (h *hurried) Write(b []byte) (int, error) {
	_ = h.control.SetWriteDeadline(time.Now().Add(answerIdleMax)) // HTTP/2 watches over its connections itself
	return h.ResponseWriter.Write(b)
}
