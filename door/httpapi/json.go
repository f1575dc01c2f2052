package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// decode decodes one JSON value, in which every member must be known.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return invalidf("the JSON is not as it should be: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if d.More() {
		return invalid("the JSON is followed by something else")
	}
	return nil
}

// Bounds of the pages of lists.
const pageMax = 100

// page returns the part of a list, sorted by name, that the query parameters limit and next_token ask for, and the
// token of the next page, empty at the end. A token is the last name of its page.
func page[T any](r *http.Request, all []T, name func(T) string) ([]T, string, error) {
	limit := pageMax
	query := r.URL.Query()
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pageMax {
			return nil, "", invalidf("limit is %q; it is a number from 1 to %d", text, pageMax)
		}
		limit = n
	}
	slices.SortFunc(all, func(x, y T) int { return strings.Compare(name(x), name(y)) })
	if after := query.Get("next_token"); after != "" {
		all = slices.DeleteFunc(all, func(t T) bool { return name(t) <= after })
	}
	if len(all) <= limit {
		return all, "", nil
	}
	return all[:limit], name(all[limit-1]), nil
}
