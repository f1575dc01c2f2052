package httpapi

import "net/http"

// A page of any origin may ask for items and payloads: what counts is the credential or the ticket, which no browser adds
// by itself. While hearth is open to its own machine, package cmd/hearth lets only that machine's origins through.

// forPages are the addresses that pages may ask; topics have their own rules beside them.
var forPages = [...]string{"/cache/", "/claims/", "/tickets/"}

// allowPages lets a page see an answer.
func allowPages(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Accept-Ranges, Cache-Status, Content-Range, ETag, Repr-Digest")
}

// preflight answers browsers that ask before they ask.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	allowPages(h)
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "authorization, content-type, range, if-match, if-none-match, if-range, repr-digest, hearth-tags")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// forPage serves a row that pages may ask.
func forPage(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		allowPages(w.Header())
		serve(w, r)
	}
}
