package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode decodes one JSON value, in which every member must be known.
func decode(b []byte, v any) error {
	if !utf8.Valid(b) { // else two keys that are not would become one
		return invalid("the JSON is not UTF-8; other bytes go as base64")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return invalid("the body is empty; it is JSON")
	case errors.As(err, &wrong):
		return invalidf("%s has the type %s; it is to be %s", cmp.Or(wrong.Field, "the JSON"), wrong.Value, jsonName(wrong.Type))
	case err != nil:
		return invalidf("the JSON is not as it should be: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return invalid("the JSON is followed by something else")
	}
	return nil
}

// jsonName says what JSON a type is.
func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonName(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string of base64"
		}
		return "an array"
	}
	return "an object"
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
