package httpapi

import (
	"net/http"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// roleRoutes are the requests on roles.
func (a *API) roleRoutes() []route {
	return []route{
		{"GET /roles", a.listRoles},
		{"POST /roles", a.createRole},
		{"PUT /roles/{role}", a.replaceRole},
		{"DELETE /roles/{role}", a.deleteRole},
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
	out := struct {
		Roles []role `json:"roles"`
		Next  string `json:"next_token,omitempty"`
	}{[]role{}, next}
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
			blocked := struct {
				Status      string     `json:"status"`
				Members     []struct{} `json:"account_members"`
				Invitations []struct{} `json:"invitations"`
				Keys        []key      `json:"api_keys"`
			}{"blocked", []struct{}{}, []struct{}{}, keysJSON(users)}
			writeJSON(w, http.StatusOK, blocked)
			return nil
		}
	}
	if err := a.gateway.Change(r.Context(), c, control.DeleteRole{ID: id}); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "deleted"})
	return nil
}
