package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/hearthcache/hearth"
)

// status is how HTTP says each kind of error.
var status = [hearth.KindCount]int{
	hearth.Internal:        http.StatusInternalServerError,
	hearth.Invalid:         http.StatusBadRequest,
	hearth.Unauthenticated: http.StatusUnauthorized,
	hearth.Denied:          http.StatusForbidden,
	hearth.NoCache:         http.StatusNotFound,
	hearth.NotFound:        http.StatusNotFound,
	hearth.Exists:          http.StatusConflict,
	hearth.WrongType:       http.StatusBadRequest,
	hearth.Precondition:    http.StatusPreconditionFailed,
	hearth.Limited:         http.StatusTooManyRequests,
	hearth.Unavailable:     http.StatusServiceUnavailable,
	hearth.Timeout:         http.StatusGatewayTimeout,
	hearth.Canceled:        499, // nobody reads it
	hearth.Unimplemented:   http.StatusNotImplemented,
	hearth.CrossSlot:       http.StatusBadRequest,
}

// codes is how a problem names each kind of error.
var codes = [hearth.KindCount]string{
	hearth.Internal:        "internal",
	hearth.Invalid:         "invalid_argument",
	hearth.Unauthenticated: "unauthenticated",
	hearth.Denied:          "permission_denied",
	hearth.NoCache:         "not_found",
	hearth.NotFound:        "not_found",
	hearth.Exists:          "already_exists",
	hearth.WrongType:       "failed_precondition",
	hearth.Precondition:    "failed_precondition",
	hearth.Limited:         "resource_exhausted",
	hearth.Unavailable:     "unavailable",
	hearth.Timeout:         "deadline_exceeded",
	hearth.Canceled:        "cancelled",
	hearth.Unimplemented:   "unimplemented",
	hearth.CrossSlot:       "invalid_argument",
}

// problem is the body of a response that is an error.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// problemOf says an error. One that nobody classified shows nothing of itself.
func problemOf(err error) problem {
	var e *hearth.Error
	if errors.As(err, &e) && e.Kind != hearth.Internal {
		return problem{codes[e.Kind], e.Msg}
	}
	return problem{codes[hearth.Internal], "internal error"}
}

func errorJSON(err error) []byte { return appendJSON(nil, problemOf(err)) }

// classified gives the error of a request that has ended before its answer its kind.
func classified(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &hearth.Error{Kind: hearth.Timeout, Msg: "the request's time is up", Err: err}
	case errors.Is(err, context.Canceled):
		return &hearth.Error{Kind: hearth.Canceled, Msg: "the request was cancelled", Err: err}
	}
	return err
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	if hearth.KindOf(err) == hearth.Internal {
		err = classified(err)
	}
	if hearth.KindOf(err) == hearth.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="hearth"`)
	}
	p := problemOf(err)
	if hearth.KindOf(err) == hearth.NoCache {
		p.Message = "Cache Not Found: " + p.Message // clients tell it from a missing key by these words
	}
	code := status[hearth.KindOf(err)]
	var own *coded
	if errors.As(err, &own) {
		code = own.code
	}
	writeJSON(w, code, p)
}

// coded is an error whose status is another than that of its kind.
type coded struct {
	code int
	error
}

// Unwrap returns the error itself.
func (c *coded) Unwrap() error { return c.error }

func writeJSON(w http.ResponseWriter, code int, v any) { writeText(w, code, appendJSON(nil, v)) }

// writeText answers with JSON.
func writeText(w http.ResponseWriter, code int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n'))
}

// appendJSON appends a value of our own types, which always have a JSON form.
func appendJSON(b []byte, v any) []byte {
	j, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(b, j...)
}

func invalid(msg string) error { return &hearth.Error{Kind: hearth.Invalid, Msg: msg} }
