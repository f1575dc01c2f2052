package origin

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hearthcache/hearth"
)

// site is an origin that is asked over HTTP.
type site struct {
	client  *http.Client
	request func(ctx context.Context, key, validator string) (*http.Request, error)
	read    func(body []byte) ([]byte, error) // takes the value out of the body; nil is the whole
	says    func(body []byte) error           // what a service's own word for an error means; nil where that of HTTP is enough
	unpacks bool                              // the value is what was packed, where the answer says that it is
}

// ttlMin is what an origin gets that wants nothing kept: long enough for the callers who wait for this one load.
const ttlMin = time.Second

// modified marks a validator that is a time of modification instead of an ETag.
const modified = "modified "

// get makes a request for a key by a template of plain HTTP.
func get(ctx context.Context, template, key, validator string) (*http.Request, error) {
	u, err := fill(template, key)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, &hearth.Error{Kind: hearth.Denied, Msg: "the key makes no URL of the origin's template", Err: err}
	}
	r.Header.Set("User-Agent", "hearth")
	r.Header.Set("Accept-Encoding", "identity") // what is stored is what the origin means, not how it was packed
	condition(r, validator)
	return r, nil
}

// condition asks for the value only where it has changed.
func condition(r *http.Request, validator string) {
	if t, ok := strings.CutPrefix(validator, modified); ok {
		r.Header.Set("If-Modified-Since", t)
	} else if validator != "" {
		r.Header.Set("If-None-Match", validator)
	}
}

// ask is the Ask of an Origin.
func (s *site) ask(ctx context.Context, key, validator string) (a Answer, err error) {
	r, err := s.request(ctx, key, validator)
	if err != nil {
		return a, err
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return a, unavailable("the origin does not answer", err)
	}
	defer resp.Body.Close()
	from := io.Reader(resp.Body)
	if s.unpacks && resp.StatusCode == http.StatusOK {
		if from, err = unpacked(resp); err != nil {
			return a, err
		}
	}
	body, err := io.ReadAll(io.LimitReader(from, hearth.ValueBytesMax+1))
	if err != nil {
		return a, unavailable("the origin broke off its answer", err)
	}
	if s.says != nil && resp.StatusCode/100 == 4 {
		if err := s.says(body); err != nil {
			return a, err
		}
	}
	if a, err = answer(resp, body, validator); err != nil || a.Unchanged || s.read == nil {
		return a, err
	}
	a.Value, err = s.read(body)
	return a, err
}

// unpacked returns what the body of an answer is when it is unpacked: some servers pack although they were asked not to.
func unpacked(resp *http.Response) (io.Reader, error) {
	switch packing := strings.ToLower(strings.TrimSpace(strings.Join(resp.Header.Values("Content-Encoding"), ","))); packing {
	case "", "identity":
		return resp.Body, nil
	case "gzip", "x-gzip":
		r, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, unavailable("the origin broke off its answer", err)
		}
		return r, nil
	default:
		return nil, refused("the origin packs its answer as " + strconv.Quote(packing) + "; gzip is unpacked, and nothing else")
	}
}

// answer says what an HTTP answer means.
func answer(resp *http.Response, body []byte, validator string) (a Answer, err error) {
	code := resp.StatusCode
	switch {
	case code == http.StatusNotModified && validator != "":
		a.Unchanged, a.Validator = true, validator
	case code == http.StatusOK:
		a.Value, a.Validator = body, validatorOf(resp.Header)
		if len(body) > hearth.ValueBytesMax {
			return Answer{}, &hearth.Error{Kind: hearth.Limited, Limit: hearth.ItemSize, Msg: "what the origin has is too large for an item"}
		}
	case code == http.StatusNotFound || code == http.StatusGone:
		return a, &hearth.Error{Kind: hearth.NotFound, Msg: "the origin has no such item"}
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		return a, unavailable("the origin fails", fmt.Errorf("it answered %s", resp.Status))
	default:
		return a, &hearth.Error{Kind: hearth.Denied, Msg: "the origin refuses the key", Err: fmt.Errorf("it answered %s", resp.Status)}
	}
	a.TTL, a.Tags = maxAge(resp.Header), tagsOf(resp.Header)
	return a, nil
}

// tagsOf returns the tags of an answer, each once: what content networks know by Cache-Tag, with commas, and by
// Surrogate-Key, with spaces, and ours.
func tagsOf(h http.Header) (tags [][]byte) {
	for _, name := range [...]string{"Hearth-Tags", "Cache-Tag", "Surrogate-Key"} {
		for _, line := range h.Values(name) {
			for _, t := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
				if !slices.ContainsFunc(tags, func(other []byte) bool { return string(other) == t }) {
					tags = append(tags, []byte(t))
				}
			}
		}
	}
	return tags
}

func validatorOf(h http.Header) string {
	if e := h.Get("ETag"); e != "" {
		return e
	}
	if t := h.Get("Last-Modified"); t != "" {
		return modified + t
	}
	return ""
}

// maxAge returns for how long the origin calls its answer fresh, 0 where it says nothing. s-maxage is meant for caches
// that many share, as this one is.
func maxAge(h http.Header) time.Duration {
	found := time.Duration(0)
	for d := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
		switch {
		case strings.EqualFold(name, "no-store") || strings.EqualFold(name, "no-cache"):
			return ttlMin
		case err != nil || seconds < 0:
		case strings.EqualFold(name, "s-maxage"):
			return max(time.Duration(seconds)*time.Second, ttlMin)
		case strings.EqualFold(name, "max-age"):
			found = max(time.Duration(seconds)*time.Second, ttlMin)
		}
	}
	return found
}

func unavailable(msg string, err error) error {
	return &hearth.Error{Kind: hearth.Unavailable, Msg: msg, Err: err}
}
