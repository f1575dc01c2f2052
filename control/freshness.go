package control

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// The values of OriginError.
const (
	OriginErrorMiss        = "miss"
	OriginErrorUnavailable = "unavailable"
)

// KeyMark stands for the key in an origin's template.
const KeyMark = "{key}"

// presets are the values of Freshness: what settings are that a cache does not set itself.
var presets = map[string]map[Setting]int64{
	// Nothing is served past its time, and little is remembered.
	"exact": {Fresh: 5_000, FreshJitter: 0, StaleWhileRevalidate: 0, StaleIfError: 0, RefreshEarly: 0, NegativeAbsent: 0},
	// Nobody waits for what is read often, and a short outage is not seen.
	"balanced": {Fresh: 60_000, FreshJitter: 10, StaleWhileRevalidate: 30_000, StaleIfError: 600_000, RefreshEarly: 1, NegativeAbsent: 1_000},
	// What was once loaded is served for a day, whatever happens to the origin.
	"resilient": {Fresh: 300_000, FreshJitter: 20, StaleWhileRevalidate: 3_600_000, StaleIfError: 86_400_000, RefreshEarly: 1, NegativeAbsent: 10_000},
}

func checkFreshness(text string) error {
	if presets[text] == nil {
		return fmt.Errorf("%q is no preset: they are %s", text, strings.Join(slices.Sorted(maps.Keys(presets)), ", "))
	}
	return nil
}

func checkOriginError(text string) error {
	if text != OriginErrorMiss && text != OriginErrorUnavailable {
		return fmt.Errorf("%q is not one of %s, %s", text, OriginErrorMiss, OriginErrorUnavailable)
	}
	return nil
}

// checkOrigin holds a template against what every origin needs: a known scheme, and a host that no key can change.
func checkOrigin(text string) error {
	if len(text) > 2048 {
		return errors.New("it is longer than 2048 bytes")
	}
	if n := strings.Count(text, KeyMark); n != 1 {
		return fmt.Errorf("%s stands in it %d times; it must stand there once", KeyMark, n)
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "mysql://") {
		return checkSQL(text)
	}
	u, err := url.Parse(strings.Replace(text, KeyMark, "key", 1))
	switch {
	case err != nil || u.Host == "":
		return errors.New("it is not a URL with a host, such as https://example.com/items/{key}")
	case !slices.Contains([]string{"http", "https", "s3", "dynamodb"}, u.Scheme):
		return fmt.Errorf("its scheme is %q; it may be http, https, s3, dynamodb, postgres or mysql", u.Scheme)
	case u.User != nil:
		return errors.New("it carries a user name or a password: settings are shown to people")
	case u.Fragment != "":
		return errors.New("it has a fragment, which is never sent")
	}
	host := text[strings.Index(text, "://")+3:]
	if i := strings.IndexAny(host, "/?#"); i < 0 || strings.Contains(host[:i], KeyMark) {
		return errors.New("the key may stand in the path or the query only, never in the host")
	}
	return nil
}

// checkSQL holds the template of a database against what it needs: a place, and a query in which the key is a parameter.
func checkSQL(text string) error {
	where, query, ok := strings.Cut(text, "?query=")
	u, err := url.Parse(where)
	switch {
	case err != nil || !ok || u.Hostname() == "" || strings.Trim(u.Path, "/") == "" || u.RawQuery != "":
		return errors.New("it is not a database and a query, such as postgres://host/database?query=SELECT value FROM items WHERE id = {key}")
	case u.User != nil:
		return errors.New("it carries a user name or a password: settings are shown to people, and logins are the operator's (--origin-login)")
	case !strings.Contains(query, KeyMark):
		return errors.New("the key may stand in the query only, never in the host or the database")
	case !strings.Contains(query, " "):
		return errors.New("its query has no spaces: it is written as it is, not encoded as in URLs")
	case strings.Contains(query, "'"+KeyMark) || strings.Contains(query, KeyMark+"'") || strings.Contains(query, `"`+KeyMark):
		return fmt.Errorf("%s stands in quotes; it is a parameter and needs none", KeyMark)
	}
	return nil
}
