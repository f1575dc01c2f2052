package httpapi

import (
	"net/http"
	"strings"

	"github.com/hearthcache/hearth"
)

// nowhere answers what no row serves: 405 where another method is served at the address, 404 otherwise.
func (a *API) nowhere(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		other := *r
		other.Method = method
		if _, pattern := a.mux.Handler(&other); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if allowed == nil {
		writeJSON(w, http.StatusNotFound, problem{codes[hearth.NotFound], "there is nothing at " + r.URL.Path + "; /openapi.json lists what there is"})
		return
	}
	all := strings.Join(allowed, ", ")
	w.Header().Set("Allow", all)
	writeJSON(w, http.StatusMethodNotAllowed, problem{codes[hearth.Unimplemented], r.Method + " is not served here; these are: " + all})
}

// exact lets net/http answer ranges and conditions, and says its refusals in our own form.
type exact struct {
	http.ResponseWriter
	refused bool
}

// WriteHeader implements http.ResponseWriter.
func (e *exact) WriteHeader(code int) {
	if code < 400 {
		e.ResponseWriter.WriteHeader(code)
		return
	}
	e.refused = true
	p := problem{codes[hearth.Precondition], "the item is not as the condition of the request wants it"}
	if code == http.StatusRequestedRangeNotSatisfiable {
		p = problem{"out_of_range", "the header Range does not name bytes of the item"}
	}
	h := e.Header()
	h.Del("Content-Length")
	h.Del("ETag")
	writeJSON(e.ResponseWriter, code, p)
}

// Write implements http.ResponseWriter. What net/http says of a refusal goes nowhere.
func (e *exact) Write(b []byte) (int, error) {
	if e.refused {
		return len(b), nil
	}
	return e.ResponseWriter.Write(b)
}
