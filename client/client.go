// Package client is hearth's Go client: caches, items and topics over gRPC. With the protocol files it is the only API
// of this module with a promise. It speaks Momento's protocol, so it works against Momento too; it knows nothing of the
// server's insides.
package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
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
	data    *grpc.ClientConn // caches' items and topics
	control *grpc.ClientConn // caches themselves, keys and webhooks
	token   *grpc.ClientConn
	base    string       // of the HTTP API: scheme and host
	http    *http.Client // for it
}

// New returns a client. It fails only where the options contradict each other: nothing is connected yet.
func New(o Options) (*Client, error) {
	endpoint, key, err := splitKey(o.Endpoint, o.Key)
	if err != nil {
		return nil, err
	}
	c := &Client{key: key, timeout: o.Timeout}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	hosts, plain := targets(endpoint)
	if o.TLS != nil {
		plain = false
	}
	creds := insecure.NewCredentials()
	if !plain {
		creds = credentials.NewTLS(o.TLS)
	}
	c.base, c.http = httpBase(hosts[0], plain), &http.Client{Transport: &http.Transport{TLSClientConfig: o.TLS, ForceAttemptHTTP2: true}}
	for i, conn := range []**grpc.ClientConn{&c.data, &c.control, &c.token} {
		if *conn, err = dial(hosts[i], creds); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func dial(target string, creds credentials.TransportCredentials) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(creds),
		grpc.WithUserAgent("hearth-go"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytesMax), grpc.MaxCallSendMsgSize(messageBytesMax)))
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

// httpBase returns where the HTTP API is: at the one address, or at api.cache.E for a base domain E.
func httpBase(data string, plain bool) string {
	switch {
	case plain:
		return "http://" + data
	case strings.HasPrefix(data, "cache."):
		return "https://api." + data
	}
	return "https://" + data
}

// Close ends the client's connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	var first error
	for _, conn := range []*grpc.ClientConn{c.data, c.control, c.token} {
		if err := conn.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// call makes one unary call on conn; cache is the value of the header that names it, empty for none.
func (c *Client) call(ctx context.Context, conn *grpc.ClientConn, method, cache string, in, out proto.Message) error {
	ctx, cancel := c.outgoing(ctx, cache)
	defer cancel()
	return fromStatus(conn.Invoke(ctx, method, in, out))
}

func (c *Client) outgoing(ctx context.Context, cache string) (context.Context, context.CancelFunc) {
	ctx = c.signed(ctx)
	if cache != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "cache", cache)
	}
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.timeout)
}

// signed returns a context whose calls carry the credential.
func (c *Client) signed(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", c.key)
}

func errorf(format string, args ...any) error { return fmt.Errorf("client: "+format, args...) }
