package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hearthcache/hearth/auth"
)

// grants is what a new key or token may do: a role, everything, or the rules of a role. One of them.
type grants struct {
	Role  string `json:"role,omitempty"`
	Super bool   `json:"super_user,omitempty"`
	Owner bool   `json:"owner,omitempty"`
	permissions
}

func (g *grants) parse() (auth.Permissions, error) {
	given := 0
	for _, is := range []bool{g.Role != "", g.Super, g.Owner, len(g.Rules) > 0} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return auth.Permissions{}, invalid("exactly one of role, super_user, owner and rules says what is permitted")
	case len(g.Rules) > 0:
		return g.permissions.parse()
	case len(g.Conditions) > 0:
		return auth.Permissions{}, invalid("conditions stand beside rules, or in a role")
	}
	return auth.Permissions{Super: g.Super, Owner: g.Owner}, nil
}

// fullKey is everything that can be told of a key.
type fullKey struct {
	key
	Form        string      `json:"form"`
	TokenID     string      `json:"token_id,omitempty"`
	Creator     string      `json:"created_by,omitempty"`
	Super       bool        `json:"super_user,omitempty"`
	Owner       bool        `json:"owner,omitempty"`
	Permissions permissions `json:"permissions"`
}

type fullKeyList struct {
	Keys []fullKey `json:"keys"`
}

type anyKeyBody struct {
	grants
	Form        string `json:"form,omitempty"`
	Seconds     int64  `json:"valid_for_seconds,omitempty"`
	Never       bool   `json:"never_expires,omitempty"`
	Description string `json:"description,omitempty"`
	TokenID     string `json:"token_id,omitempty"`
}

type tokenBody struct {
	permissions
	Seconds int64  `json:"valid_for_seconds" required:"true"`
	TokenID string `json:"token_id,omitempty"`
}

func (a *API) listAllKeys(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.admin(r, auth.Authorization, auth.List); err != nil {
		return err
	}
	state := a.gateway.View()
	out := []fullKey{}
	for _, k := range state.Keys {
		p := state.PermissionsOf(k)
		out = append(out, fullKey{key: keyJSON(k), Form: k.Form.String(), TokenID: k.TokenID, Creator: k.Creator, Super: p.Super,
			Owner: p.Owner, Permissions: show(&p)})
	}
	slices.SortFunc(out, func(x, y fullKey) int { return strings.Compare(x.ID, y.ID) })
	writeJSON(w, http.StatusOK, fullKeyList{out})
	return nil
}

// issued is a fresh credential as JSON: its text is not seen again.
type issued struct {
	ID         string `json:"key_id,omitempty"`
	Token      string `json:"token"`
	V1         string `json:"v1"`
	Refresh    string `json:"refresh_token,omitempty"`
	Endpoint   string `json:"endpoint"`
	ValidUntil int64  `json:"valid_until_epoch_seconds,omitempty"`
}

func issuedJSON(made *auth.Issued) issued {
	out := issued{Token: made.Token, V1: made.V1(), Refresh: made.Refresh, Endpoint: made.Endpoint, ValidUntil: made.ValidUntil}
	if made.Key != nil {
		out.ID = made.Key.ID
	}
	return out
}

func (a *API) createAnyKey(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Authorization, auth.Write)
	if err != nil {
		return err
	}
	var body anyKeyBody
	if err := read(r, &body); err != nil {
		return err
	}
	request := auth.KeyRequest{Role: body.Role, Seconds: body.Seconds, Never: body.Never, Description: body.Description, TokenID: body.TokenID}
	if body.Form != "" {
		if request.Form, err = auth.ParseForm(body.Form); err != nil {
			return err
		}
	}
	if request.Permissions, err = body.grants.parse(); err != nil {
		return err
	}
	made, err := a.gateway.CreateKey(r.Context(), c, request)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, issuedJSON(&made))
	return nil
}

func (a *API) createToken(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Authorization, auth.Write)
	if err != nil {
		return err
	}
	var body tokenBody
	if err := read(r, &body); err != nil {
		return err
	}
	p, err := body.permissions.parse()
	if err != nil {
		return err
	}
	if len(p.Networks) > 0 {
		return invalid("a disposable token has no conditions")
	}
	made, err := a.gateway.CreateToken(r.Context(), c, auth.TokenRequest{Rules: p.Rules, Seconds: body.Seconds, TokenID: body.TokenID})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, issuedJSON(&made))
	return nil
}
