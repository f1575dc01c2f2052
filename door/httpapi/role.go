package httpapi

import (
	"net/http"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// roleRoutes are the requests on roles.
func (a *API) roleRoutes() []route {
	return []route{
		{"GET /roles", a.listRoles, doc{summary: "Lists roles", query: "limit next_token type", answer: roleList{}}},
		{"POST /roles", a.createRole, doc{summary: "Creates a role", body: roleBody{}, answer: role{}}},
		{"PUT /roles/{role}", a.replaceRole, doc{summary: "Replaces a role; its keys follow at once", body: roleBody{}, answer: role{}}},
		{"DELETE /roles/{role}", a.deleteRole, doc{summary: "Deletes a role, or says which keys have it still", answer: deletedRole{}}},
	}
}

// role is a role as JSON.
type role struct {
	ID          string      `json:"role_id"`
	Name        string      `json:"role_name"`
	Type        string      `json:"role_type"`
	Description string      `json:"description,omitempty"`
	Permissions permissions `json:"permissions"`
}

func roleJSON(r *control.Role) role {
	out := role{ID: r.ID, Name: r.Name, Type: "custom", Description: r.Description, Permissions: show(&r.Permissions)}
	if r.System {
		out.Type = "system"
	}
	return out
}

type roleList struct {
	Roles []role `json:"roles"`
	Next  string `json:"next_token,omitempty"`
}

// deletedRole says deleted, or blocked, and then a blockedRole says by whom.
type deletedRole struct {
	Status string `json:"status"`
}

type blockedRole struct {
	deletedRole
	Members     []struct{} `json:"account_members"`
	Invitations []struct{} `json:"invitations"`
	Keys        []key      `json:"api_keys"`
}

// roleBody is what a request says of a role.
type roleBody struct {
	Name        string      `json:"role_name"`
	Description *string     `json:"description"`
	Permissions permissions `json:"permissions"`
}

func (a *API) listRoles(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.admin(r, auth.Authorization, auth.List); err != nil {
		return err
	}
	kind := r.URL.Query().Get("type")
	if kind != "" && kind != "system" && kind != "custom" {
		return invalidf("type is %q; it is system or custom", kind)
	}
	var all []*control.Role
	if kind != "custom" {
		all = append(all, control.SystemRoles...)
	}
	if kind != "system" {
		for _, role := range a.gateway.View().Roles {
			all = append(all, role)
		}
	}
	all, next, err := page(r, all, func(r *control.Role) string { return r.ID })
	if err != nil {
		return err
	}
	out := roleList{[]role{}, next}
	for _, role := range all {
		out.Roles = append(out.Roles, roleJSON(role))
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (a *API) createRole(w http.ResponseWriter, r *http.Request) error {
	made := &control.Role{ID: auth.NewID()}
	return a.putRole(w, r, made, true)
}

func (a *API) replaceRole(w http.ResponseWriter, r *http.Request) error {
	made := &control.Role{ID: r.PathValue("role")}
	if old := a.gateway.View().Role(made.ID); old != nil {
		made.Description = old.Description
	}
	return a.putRole(w, r, made, false)
}

// putRole fills in what the body says and keeps the role.
func (a *API) putRole(w http.ResponseWriter, r *http.Request, made *control.Role, new bool) error {
	c, err := a.admin(r, auth.Authorization, auth.Write)
	if err != nil {
		return err
	}
	var body roleBody
	if err := read(r, &body); err != nil {
		return err
	}
	if made.Permissions, err = body.Permissions.parse(); err != nil {
		return err
	}
	made.Name = body.Name
	if body.Description != nil {
		made.Description = *body.Description
	}
	if err := a.gateway.PutRole(r.Context(), c, control.PutRole{Role: made, New: new}); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, roleJSON(made))
	return nil
}

// deleteRole deletes a role, or says who has it still.
func (a *API) deleteRole(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Authorization, auth.Write)
	if err != nil {
		return err
	}
	id := r.PathValue("role")
	state := a.gateway.View()
	if role := state.Role(id); role != nil && !role.System {
		if users := state.KeysOfRole(id); len(users) > 0 {
			writeJSON(w, http.StatusOK, blockedRole{deletedRole{"blocked"}, []struct{}{}, []struct{}{}, keysJSON(users)})
			return nil
		}
	}
	if err := a.gateway.Change(r.Context(), c, control.DeleteRole{ID: id}); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, deletedRole{"deleted"})
	return nil
}
