// Package origin loads the values of keys from where the truth is kept: over HTTP, from S3, from DynamoDB, and from
// PostgreSQL and MySQL. An origin is a template: the key fills a place in its path or its query, never in its host; in
// SQL it is a parameter, never text. Connections go only where the guard allows. It knows nothing of caches: who asks
// when is the gateway's business.
package origin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/guard"
)

// Options says what the operator lends to origins.
type Options struct {
	Allow  []netip.Prefix      // networks that origins may be in beside the public internet
	Signed []string            // templates that begin like this may use the operator's AWS credentials
	Getenv func(string) string // where those are
	Logins []Login             // to databases; others are not asked
}

// Opener makes origins that share their connections.
type Opener struct {
	options Options
	guard   guard.Guard
	dialer  *net.Dialer
	client  *http.Client

	mu    sync.Mutex // guards the rest
	pools map[string]*pool
	aws   *http.Client // for AWS_CA_BUNDLE; nil until it is needed
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
	p := &Opener{options: o, guard: guard.Guard{Allow: o.Allow}, pools: map[string]*pool{}}
	p.dialer = &net.Dialer{Timeout: dialTimeout, Control: p.guard.Control}
	p.client = p.clientFor(nil)
	return p
}

// clientFor returns a client that trusts the authorities of roots; nil is those of the machine.
func (p *Opener) clientFor(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{ // without a proxy, which would connect for us
			DialContext:            p.dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots},
			TLSHandshakeTimeout:    dialTimeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: p.follow,
	}
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.aws != nil {
		p.aws.CloseIdleConnections()
	}
	for _, pool := range p.pools {
		pool.close()
	}
	return nil
}

// Origin loads keys by one template. Its Load is that of the gateway's Loader.
type Origin struct {
	ask func(ctx context.Context, key, validator string) (Answer, error)
}

// Answer is what an origin has answered.
type Answer struct {
	Value     []byte
	TTL       time.Duration // 0 where the origin says nothing of it
	Validator string        // an ETag, or a time of modification; empty where there is neither
	Unchanged bool          // the value is the one that the validator of the question stands for
	Tags      [][]byte      // that the origin gives the item
}

// Load returns a key's value and its time to live, as the gateway's Loader has it.
func (o *Origin) Load(ctx context.Context, key []byte) (value []byte, ttl time.Duration, err error) {
	a, err := o.Ask(ctx, key, "")
	return a.Value, a.TTL, err
}

// Ask loads a key for somebody who has what the validator stands for; an empty one stands for nothing.
func (o *Origin) Ask(ctx context.Context, key []byte, validator string) (Answer, error) {
	return o.ask(ctx, string(key), validator)
}

// Where returns what an origin of a template asks for a key, without any credential; an error is why it asks nothing.
func Where(template, key string) (string, error) {
	switch scheme, _, _ := strings.Cut(template, "://"); scheme {
	case "http", "https", "s3":
		return fill(template, key)
	}
	return strings.ReplaceAll(template, keyMark, key), nil
}

// Open makes an origin of a template. An error is Invalid and says what would be right.
func (p *Opener) Open(template string) (*Origin, error) {
	scheme, _, _ := strings.Cut(template, "://")
	switch scheme {
	case "http", "https":
		if err := p.guard.CheckURL(strings.Replace(template, keyMark, "key", 1)); err != nil {
			return nil, err
		}
		site := &site{client: p.client, unpacks: true, request: func(ctx context.Context, key, validator string) (*http.Request, error) {
			return get(ctx, template, key, validator)
		}}
		return &Origin{site.ask}, nil
	case "s3", "dynamodb":
		s, err := p.signer(template)
		if err != nil {
			return nil, err
		}
		if scheme == "s3" {
			return p.s3(template, s)
		}
		return p.dynamo(template, s)
	case postgresScheme, mysqlScheme:
		return p.sql(template)
	}
	return nil, invalid(fmt.Sprintf("an origin's scheme is %q; it may be http, https, s3, dynamodb, postgres or mysql", scheme))
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
