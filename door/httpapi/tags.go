package httpapi

import (
	"net/http"
	"strings"
)

// tagsHeader is the header of a write that gives its item tags, separated by commas.
const tagsHeader = "Hearth-Tags"

// tagRoutes are the requests on tags of items.
func (a *API) tagRoutes() []route {
	return []route{
		{"DELETE /cache/{cache}/tags/{tag}", a.invalidate, doc{
			summary: "Invalidates a tag: every item that has it is a miss from now on. It needs the permission to write to the whole cache", query: "token"}},
	}
}

func (a *API) invalidate(w http.ResponseWriter, r *http.Request) error {
	c, err := a.caller(r, r.PathValue("cache"))
	if err != nil {
		return err
	}
	if err := a.gateway.Invalidate(r.Context(), c, [][]byte{[]byte(r.PathValue("tag"))}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// tagsOf returns the tags that a write gives its item.
func tagsOf(r *http.Request) (tags [][]byte) {
	for _, line := range r.Header.Values(tagsHeader) {
		for t := range strings.SplitSeq(line, ",") {
			if t = strings.TrimSpace(t); t != "" {
				tags = append(tags, []byte(t))
			}
		}
	}
	return tags
}
