package httpapi

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// serve answers with some content, or with what of it the request asks for: its head, ranges, or that it is unchanged.
func serve(w http.ResponseWriter, r *http.Request, size int64, content io.ReadSeeker) {
	for _, name := range [...]string{"If-Match", "If-None-Match"} {
		if lines := r.Header[name]; len(lines) > 1 { // of which net/http sees the first
			r.Header.Set(name, strings.Join(lines, ","))
		}
	}
	settleRange(r, size)
	http.ServeContent(w, r, "", time.Time{}, content)
}

// settleRange makes of a request's Range what net/http answers as RFC 9110 wants it: ranges are for GET, units that are
// not bytes are ignored, and the last zero bytes are none.
func settleRange(r *http.Request, size int64) {
	text := r.Header.Get("Range")
	if text == "" {
		return
	}
	unit, set, ok := strings.Cut(text, "=")
	if r.Method != http.MethodGet || !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || size == 0 {
		r.Header.Del("Range")
		return
	}
	var some []string
	nothing := false
	for spec := range strings.SplitSeq(set, ",") {
		last, suffix := strings.CutPrefix(strings.TrimSpace(spec), "-")
		if suffix && last != "" && strings.Trim(last, "0") == "" {
			nothing = true
			continue
		}
		some = append(some, spec)
	}
	if nothing && strings.Trim(strings.Join(some, ""), " \t") == "" {
		some = []string{strconv.FormatInt(size, 10) + "-"} // which cannot be satisfied
	}
	r.Header.Set("Range", "bytes="+strings.Join(some, ","))
}

// unconditional returns an error where a request asks for something only if the item is as it says, and nobody would look.
func unconditional(r *http.Request) error {
	for _, name := range [...]string{"If-Match", "If-None-Match", "If-Unmodified-Since"} {
		if r.Header[name] != nil {
			return invalidf("%s here takes no precondition, and there is a header %s", r.Method, name)
		}
	}
	return nil
}
