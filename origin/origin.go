// Package origin loads the values of keys from where the truth is kept: over HTTP, from S3 and from DynamoDB. An origin
// is a template: the key fills a place in its path or its query, never in its host. Connections go only where the guard
// allows. It knows nothing of caches: who asks when is the gateway's business.
package origin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/guard"
)

// Options says what the operator lends to origins.
type Options struct {
	Allow  []netip.Prefix      // networks that origins may be in beside the public internet
	Signed []string            // templates that begin like this may use the operator's AWS credentials
	Getenv func(string) string // where those are
}

// Opener makes origins that share their connections.
type Opener struct {
	options Options
	guard   guard.Guard
	client  *http.Client
}

const (
	keyMark      = "{key}"
	dialTimeout  = 5 * time.Second
	redirectsMax = 3
	idlePerHost  = 64
	idleTimeout  = 30 * time.Second
)

// New returns an Opener. It connects to nothing yet.
func New(o Options) *Opener {
	p := &Opener{options: o, guard: guard.Guard{Allow: o.Allow}}
	dialer := &net.Dialer{Timeout: dialTimeout, Control: p.guard.Control}
	p.client = &http.Client{
		Transport: &http.Transport{ // without a proxy, which would connect for us
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: p.follow,
	}
	return p
}

// follow decides about a redirect: to the same host only, so that an origin cannot send hearth elsewhere.
func (p *Opener) follow(r *http.Request, via []*http.Request) error {
	if len(via) > redirectsMax || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// Close gives up idle connections.
func (p *Opener) Close() error {
	p.client.CloseIdleConnections()
	return nil
}

// Origin loads keys by one template. Its Load is that of the gateway's Loader.
type Origin struct {
	client *http.Client
	ask    func(ctx context.Context, key, validator string) (*http.Request, error)
	read   func(body []byte) ([]byte, error) // takes the value out of the body; nil is the whole
	busy   func(body []byte) bool            // reports whether a bad request only came too soon; nil is never
}

// Open makes an origin of a template. An error is Invalid and says what would be right.
func (p *Opener) Open(template string) (*Origin, error) {
	scheme, _, _ := strings.Cut(template, "://")
	switch scheme {
	case "http", "https":
		if err := p.guard.CheckURL(strings.Replace(template, keyMark, "key", 1)); err != nil {
			return nil, err
		}
		return &Origin{client: p.client, ask: func(ctx context.Context, key, validator string) (*http.Request, error) {
			return get(ctx, template, key, validator)
		}}, nil
	case "s3", "dynamodb":
		s, err := p.signer(template)
		if err != nil {
			return nil, err
		}
		if scheme == "s3" {
			return p.s3(template, s)
		}
		return p.dynamo(template, s)
	}
	return nil, invalid(fmt.Sprintf("an origin's scheme is %q; it may be http, https, s3 or dynamodb", scheme))
}

// fill puts a key into a template, escaped for the place where it stands. Slashes of a key divide a path; a key that
// would climb in it is refused.
func fill(template, key string) (string, error) {
	before, after, ok := strings.Cut(template, keyMark)
	if !ok {
		return "", invalid(keyMark + " does not stand in the origin's template")
	}
	if strings.Contains(before, "?") {
		return before + url.QueryEscape(key) + after, nil
	}
	if err := checkPath(key); err != nil {
		return "", err
	}
	segments := strings.Split(key, "/")
	for i, s := range segments {
		segments[i] = escape(s)
	}
	return before + strings.Join(segments, "/") + after, nil
}

// escape writes every byte that is not unreserved in hexadecimal, as signatures of AWS take it.
func escape(segment string) string {
	var b strings.Builder
	for i := range len(segment) {
		if c := segment[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// checkPath refuses keys that would mean another path than they say.
func checkPath(key string) error {
	for s := range strings.SplitSeq(key, "/") {
		if s == "." || s == ".." || s == "" {
			return refused(`a key with an empty, "." or ".." segment is not loaded from a path`)
		}
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return refused("a key with control characters or backslashes is not loaded from a path")
	}
	return nil
}

func invalid(msg string) error { return &hearth.Error{Kind: hearth.Invalid, Msg: msg} }
func refused(msg string) error { return &hearth.Error{Kind: hearth.Denied, Msg: msg} }
