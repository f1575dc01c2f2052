package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/gateway"
)

// adminRoutes are the requests on caches, settings, keys and tokens: what the command line asks for.
func (a *API) adminRoutes() []route {
	return []route{
		{"GET /admin/settings", a.listSettings, doc{summary: "Lists the settings that caches have", answer: settingList{}}},
		{"GET /admin/account", a.showAccount, doc{summary: "Returns the settings of caches that do not say otherwise", answer: settingsBody{}}},
		{"PATCH /admin/account", a.setAccount, doc{summary: "Changes the settings of caches that do not say otherwise", body: settingsBody{}, answer: settingsBody{}}},
		{"GET /admin/caches", a.listCaches, doc{summary: "Lists caches with what they hold", answer: cacheList{}}},
		{"POST /admin/caches", a.createCache, doc{summary: "Creates a cache", body: cacheBody{}, code: http.StatusCreated, answer: cache{}}},
		{"GET /admin/caches/{cache}", a.showCache, doc{summary: "Returns a cache with all its settings", answer: cache{}}},
		{"PATCH /admin/caches/{cache}", a.setCache, doc{summary: "Changes settings of a cache; an empty text takes one back", body: settingsBody{}, answer: cache{}}},
		{"DELETE /admin/caches/{cache}", a.deleteCache, doc{summary: "Deletes a cache and all it holds"}},
		{"POST /admin/caches/{cache}/flush", a.flushCache, doc{summary: "Forgets all items of a cache"}},
		{"GET /admin/caches/{cache}/explain", a.explain, doc{summary: "Says what would happen to a read of a key now, and why", query: "key key_base64", answer: gateway.Explanation{}}},
		{"GET /admin/keys", a.listAllKeys, doc{summary: "Lists keys of every form, without their texts", answer: fullKeyList{}}},
		{"POST /admin/keys", a.createAnyKey, doc{summary: "Issues a key of any form", body: anyKeyBody{}, code: http.StatusCreated, answer: issued{}}},
		{"DELETE /admin/keys/{key}", a.revokeKey, doc{summary: "Revokes a key at once", answer: struct{}{}}},
		{"POST /admin/tokens", a.createToken, doc{summary: "Issues a disposable token", body: tokenBody{}, code: http.StatusCreated, answer: issued{}}},
	}
}

// setting is a row of control.Table as JSON.
type setting struct {
	Name    string `json:"name"`
	Unit    string `json:"unit,omitempty"`
	Default string `json:"default"`
	Doc     string `json:"doc"`
}

type settingList struct {
	Settings []setting `json:"settings"`
}

type cacheList struct {
	Caches []cache `json:"caches"`
}

type cacheBody struct {
	Name string `json:"name" required:"true"`
	settingsBody
}

// listSettings tells which settings there are: no secret.
func (a *API) listSettings(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.admin(r, auth.Management, auth.List); err != nil {
		return err
	}
	var defaults control.Settings
	out := []setting{}
	for i := range control.Table {
		t := &control.Table[i]
		out = append(out, setting{t.Name, t.Unit, defaults.Show(control.Setting(i)), t.Doc})
	}
	writeJSON(w, http.StatusOK, settingList{out})
	return nil
}

// settingsBody is a request's settings; an empty text takes one back.
type settingsBody struct {
	Settings map[string]string `json:"settings"`
}

func (a *API) showAccount(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Management, auth.List)
	if err != nil {
		return err
	}
	s, err := a.gateway.Inspect(c)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, settingsBody{s.Account.Map()})
	return nil
}

func (a *API) setAccount(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Management, auth.Write)
	if err != nil {
		return err
	}
	var body settingsBody
	if err := read(r, &body); err != nil {
		return err
	}
	if err := a.gateway.Change(r.Context(), c, control.SetAccount{Settings: body.Settings}); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, settingsBody{a.gateway.View().Account.Map()})
	return nil
}

// cache is a cache as JSON: Settings is what was set of it, Effective what it runs with.
type cache struct {
	Name      string            `json:"name"`
	Created   int64             `json:"created_at_epoch_seconds"`
	Settings  map[string]string `json:"settings"`
	Effective map[string]string `json:"effective_settings,omitempty"`
	Items     int64             `json:"items"`
	Bytes     int64             `json:"bytes"`
	Evicted   int64             `json:"evicted"`
	Expired   int64             `json:"expired"`
}

func cacheJSON(c *control.Cache, size engine.Size) cache {
	out := cache{Name: c.Name, Created: c.Created / 1000, Settings: c.Settings.Map(), Items: size.Items, Bytes: size.Bytes, Expired: size.Expired}
	for _, n := range size.Evicted {
		out.Evicted += n
	}
	return out
}

func (a *API) listCaches(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Management, auth.List)
	if err != nil {
		return err
	}
	s, err := a.gateway.Inspect(c)
	if err != nil {
		return err
	}
	out := []cache{}
	for _, each := range s.Caches {
		out = append(out, cacheJSON(each, a.gateway.Holds(each)))
	}
	slices.SortFunc(out, func(x, y cache) int { return strings.Compare(x.Name, y.Name) })
	writeJSON(w, http.StatusOK, cacheList{out})
	return nil
}

func (a *API) showCache(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Management, auth.List)
	if err != nil {
		return err
	}
	return a.answerCache(w, c, r.PathValue("cache"), http.StatusOK)
}

func (a *API) explain(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Management, auth.List)
	if err != nil {
		return err
	}
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	x, err := a.gateway.Explain(r.Context(), c, r.PathValue("cache"), key)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, x)
	return nil
}

func (a *API) answerCache(w http.ResponseWriter, c *gateway.Caller, name string, code int) error {
	s, err := a.gateway.Inspect(c)
	if err != nil {
		return err
	}
	found := s.Caches[name]
	if found == nil {
		return control.NoCache(name)
	}
	out := cacheJSON(found, a.gateway.Holds(found))
	out.Effective = map[string]string{}
	settings := s.SettingsOf(found)
	for i := range control.Table {
		out.Effective[control.Table[i].Name] = settings.Show(control.Setting(i))
	}
	writeJSON(w, code, out)
	return nil
}

func (a *API) createCache(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Management, auth.Write)
	if err != nil {
		return err
	}
	var body cacheBody
	if err := read(r, &body); err != nil {
		return err
	}
	if err := a.gateway.Change(r.Context(), c, control.CreateCache{Name: body.Name, Settings: body.Settings}); err != nil {
		return err
	}
	return a.answerCache(w, c, body.Name, http.StatusCreated)
}

func (a *API) setCache(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Management, auth.Write)
	if err != nil {
		return err
	}
	var body settingsBody
	if err := read(r, &body); err != nil {
		return err
	}
	name := r.PathValue("cache")
	if err := a.gateway.Change(r.Context(), c, control.SetCache{Name: name, Settings: body.Settings}); err != nil {
		return err
	}
	return a.answerCache(w, c, name, http.StatusOK)
}

func (a *API) deleteCache(w http.ResponseWriter, r *http.Request) error {
	return a.changeCache(w, r, control.DeleteCache{Name: r.PathValue("cache")})
}

func (a *API) flushCache(w http.ResponseWriter, r *http.Request) error {
	return a.changeCache(w, r, control.FlushCache{Name: r.PathValue("cache")})
}

func (a *API) changeCache(w http.ResponseWriter, r *http.Request, change control.Change) error {
	c, err := a.admin(r, auth.Management, auth.Write)
	if err != nil {
		return err
	}
	if err := a.gateway.Change(r.Context(), c, change); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
