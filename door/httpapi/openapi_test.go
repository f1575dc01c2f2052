package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

// documented holds requests and answers against the OpenAPI document.
var documented = sync.OnceValue(func() validator.Validator {
	d, err := libopenapi.NewDocument(appendJSON(nil, document((&API{}).routes())))
	if err != nil {
		panic(err)
	}
	v, errs := validator.NewValidator(d)
	if len(errs) > 0 {
		panic(errs)
	}
	return v
})

// conforms checks an answer, and where it is a success its request too, against the document. Requests that are wrong
// on purpose are only answered.
func conforms(t *testing.T, r *http.Request, sent string, resp *http.Response, got string) {
	t.Helper()
	if resp.StatusCode == http.StatusMethodNotAllowed || strings.Contains(got, "/openapi.json") || r.Method == http.MethodOptions ||
		strings.Count(r.URL.Path, "/") > 4 {
		return // nothing is there; or the key has slashes, which OpenAPI has no words for
	}
	resp.Body = io.NopCloser(strings.NewReader(got))
	if ok, errs := documented().ValidateHttpResponse(r, resp); !ok {
		for _, e := range errs {
			t.Errorf("%s %s = %s %s: %s %s", r.Method, r.URL, resp.Status, got, e.Message, e.Reason)
		}
	}
	if resp.StatusCode >= 400 {
		return
	}
	r.Body = io.NopCloser(strings.NewReader(sent))
	r.Header.Set("Content-Type", "application/json")
	if ok, errs := documented().ValidateHttpRequest(r); !ok {
		for _, e := range errs {
			t.Errorf("%s %s %s: %s %s", r.Method, r.URL, sent, e.Message, e.Reason)
		}
	}
}

func TestDocument(t *testing.T) {
	if ok, errs := documented().ValidateDocument(); !ok {
		for _, e := range errs {
			t.Errorf("the document: %s %s", e.Message, e.Reason)
		}
	}
	s := newGuarded(t)
	var d struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(s.want(http.StatusOK, "", "GET", "/openapi.json", "")), &d); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, r := range (&API{}).routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		if r.doc.summary == "" {
			t.Errorf("%s has no summary", r.pattern)
		}
		if id := operationID(method, path); ids[id] {
			t.Errorf("%s: the operation ID %s is there twice", r.pattern, id)
		} else {
			ids[id] = true
		}
		for _, name := range strings.Fields(r.doc.query) {
			if parameters[strings.TrimSuffix(name, "!")].text == "" {
				t.Errorf("%s: the parameter %s is not described", r.pattern, name)
			}
		}
		if d.Paths[strings.ReplaceAll(path, "...}", "}")][strings.ToLower(method)] == nil {
			t.Errorf("%s is not in the document", r.pattern)
		}
	}
}

// TestDocumentRefuses makes sure that a wrong answer would be noticed.
func TestDocumentRefuses(t *testing.T) {
	r, _ := http.NewRequest("GET", "http://hearth.test/admin/caches", nil)
	check := func(body string, want bool) {
		t.Helper()
		resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(body)))}
		if ok, _ := documented().ValidateHttpResponse(r, resp); ok != want {
			t.Errorf("the answer %s is accepted: %v", body, ok)
		}
	}
	check(`{"caches":[]}`, true)
	check(`{"caches":[{"name":1}]}`, false)
	check(`{}`, false)
}
