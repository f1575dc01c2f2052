// Package client is hearth's Go client: caches, items, collections, leaderboards and topics over gRPC; Fetch, which loads
// what is missing once for a whole fleet; and near caches that the server's change feed keeps right. Errors are
// hearth.Error: match them with hearth.KindOf, and context.Canceled and DeadlineExceeded with errors.Is too. With the protocol files it is the only API
// of this module with a promise. It speaks Momento's protocol, so it works against Momento too; it knows nothing of the
// server's insides.
package client

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// DefaultEndpoint is where a hearth on this machine listens.
const DefaultEndpoint = "127.0.0.1:8080"

// DefaultTimeout bounds a call whose context has no deadline.
const DefaultTimeout = 5 * time.Second

// messageBytesMax is what a call may send and receive: the largest answer of the server and its frame.
const messageBytesMax = 512<<20 + 1<<20

// Options configures a Client. The zero Options is a hearth on this machine that needs no key.
type Options struct {
	// Endpoint is "host:port" for one plaintext address, or a base domain E: then calls go with TLS to cache.E,
	// control.E and token.E on port 443, or on the port that E carries. Empty is DefaultEndpoint, unless Key is a
	// v1 key, which carries its endpoint.
	Endpoint string
	// Key is an API key or token: a v1 key (base64 of JSON), a v2 key (JWT), or a disposable token.
	Key string
	// TLS is used with a base domain; nil trusts the system's roots. With "host:port" it turns TLS on.
	TLS *tls.Config
	// Timeout bounds calls whose context has no deadline; 0 is DefaultTimeout.
	Timeout time.Duration
}

// FromEnvironment returns the Options that MOMENTO_API_KEY and MOMENTO_ENDPOINT (or HEARTH_KEY and HEARTH_ENDPOINT,
// which are stronger) describe.
func FromEnvironment() Options {
	first := func(names ...string) string {
		for _, n := range names {
			if v := os.Getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	return Options{Endpoint: first("HEARTH_ENDPOINT", "MOMENTO_ENDPOINT"), Key: first("HEARTH_KEY", "MOMENTO_API_KEY")}
}

// Client talks to one hearth. It may be used by several goroutines; connections are made when they are first needed.
type Client struct {
	key     string
	timeout time.Duration
	calls   *http.Client // gRPC: HTTP/2, also without TLS
	plain   *http.Client // the HTTP API
	data    string       // scheme and host of calls on items and topics
	control string       // of calls on caches, keys and webhooks
	token   string
	api     string // of the HTTP API

	mu      sync.Mutex // guards the rest
	flights map[string]*flight
	closers []func()
}

// New returns a client. It fails only where the options contradict each other: nothing is connected yet.
func New(o Options) (*Client, error) {
	endpoint, key, err := splitKey(o.Endpoint, o.Key)
	if err != nil {
		return nil, err
	}
	c := &Client{key: key, timeout: o.Timeout, flights: map[string]*flight{}}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	hosts, plain := targets(endpoint)
	scheme := "https://"
	if plain && o.TLS == nil {
		scheme = "http://"
	}
	c.data, c.control, c.token, c.api = scheme+hosts[0], scheme+hosts[1], scheme+hosts[2], scheme+hosts[0]
	if !plain {
		c.api = scheme + "api." + hosts[0]
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	c.calls = &http.Client{Transport: &http.Transport{TLSClientConfig: o.TLS, Protocols: protocols, DisableCompression: true}}
	c.plain = &http.Client{Transport: &http.Transport{TLSClientConfig: o.TLS.Clone()}}
	return c, nil
}

// targets returns the addresses of data, control and token calls, and whether they are plaintext.
func targets(endpoint string) (hosts [3]string, plain bool) {
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	host, port, hasPort := strings.Cut(endpoint, ":")
	if hasPort && (strings.Trim(host, "0123456789.") == "" || host == "localhost" || strings.HasPrefix(endpoint, "[")) {
		return [3]string{endpoint, endpoint, endpoint}, true
	}
	if !hasPort {
		port = "443"
	}
	for i, service := range []string{"cache.", "control.", "token."} {
		hosts[i] = service + host + ":" + port
	}
	return hosts, false
}

// onClose has something done by Close.
func (c *Client) onClose(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closers = append(c.closers, f)
}

// Close ends the client's near caches and its connections; nothing of it runs on.
func (c *Client) Close() error {
	c.mu.Lock()
	closers := c.closers
	c.closers = nil
	c.mu.Unlock()
	for _, f := range closers {
		f()
	}
	c.calls.CloseIdleConnections()
	c.plain.CloseIdleConnections()
	return nil
}

func errorf(format string, args ...any) error { return fmt.Errorf("client: "+format, args...) }
