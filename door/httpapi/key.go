package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// keyRoutes are the requests on keys that have a role.
func (a *API) keyRoutes() []route {
	return []route{
		{"GET /api-keys", a.listKeys, doc{summary: "Lists keys, without their texts", query: "limit next_token", answer: keyList{}}},
		{"POST /api-keys", a.createKey, doc{summary: "Issues a key that has a role", body: keyBody{}, answer: madeKey{}}},
		{"DELETE /api-keys/{key}", a.revokeKey, doc{summary: "Revokes a key at once", answer: struct{}{}}},
	}
}

// key is what can be told of a key.
type key struct {
	ID          string `json:"key_id"`
	Account     string `json:"account_id"`
	Description string `json:"description"`
	Role        string `json:"role_id"`
	Expires     int64  `json:"expires_at_epoch_seconds,omitempty"`
	Issued      int64  `json:"issued_at_epoch_seconds"`
}

type keyBody struct {
	Role        *string         `json:"role_id" required:"true"`
	Description *string         `json:"description" required:"true"`
	Expiry      json.RawMessage `json:"expiry" required:"true"` // "never" or epoch seconds
}

type madeKey struct {
	Token string `json:"api_key"`
	Key   key    `json:"key_info"`
}

type keyList struct {
	Keys []key  `json:"key_info"`
	Next string `json:"next_token,omitempty"`
}

// account is what the one account of a hearth is called.
const account = "hearth"

func keyJSON(k *auth.Key) key {
	return key{ID: k.ID, Account: account, Description: k.Description, Role: k.Role, Expires: k.Expires / 1000, Issued: k.Issued / 1000}
}

func keysJSON(keys []*auth.Key) []key {
	slices.SortFunc(keys, func(x, y *auth.Key) int { return strings.Compare(x.ID, y.ID) })
	out := []key{}
	for _, k := range keys {
		out = append(out, keyJSON(k))
	}
	return out
}

func (a *API) createKey(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Authorization, auth.Write)
	if err != nil {
		return err
	}
	var body keyBody
	if err := read(r, &body); err != nil {
		return err
	}
	if body.Role == nil || *body.Role == "" || body.Description == nil || body.Expiry == nil {
		return invalid("role_id, description and expiry are required")
	}
	request := auth.KeyRequest{Form: auth.V2, Role: *body.Role, Description: *body.Description}
	if request.Seconds, request.Never, err = parseExpiry(body.Expiry); err != nil {
		return err
	}
	made, err := a.gateway.CreateKey(r.Context(), c, request)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, madeKey{made.Token, keyJSON(made.Key)})
	return nil
}

// parseExpiry reads "never" or the epoch seconds at which a key ends.
func parseExpiry(text json.RawMessage) (seconds int64, never bool, err error) {
	if string(text) == `"never"` {
		return 0, true, nil
	}
	at, err := strconv.ParseInt(string(text), 10, 64)
	if seconds = at - time.Now().Unix(); err != nil || seconds <= 0 {
		return 0, false, invalidf(`expiry is %s; it is "never" or the epoch seconds of a time to come`, text)
	}
	return seconds, false, nil
}

func (a *API) listKeys(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.admin(r, auth.Authorization, auth.List); err != nil {
		return err
	}
	var all []*auth.Key
	for _, k := range a.gateway.View().Keys {
		all = append(all, k)
	}
	all, next, err := page(r, all, func(k *auth.Key) string { return k.ID })
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, keyList{keysJSON(all), next})
	return nil
}

func (a *API) revokeKey(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Authorization, auth.Write)
	if err != nil {
		return err
	}
	if err := a.gateway.Change(r.Context(), c, control.RevokeKey{ID: r.PathValue("key")}); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}
