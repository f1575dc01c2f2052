package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/door/momento/grpchost"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

// server is everything that `hearth serve` runs, wired together.
type server struct {
	options *serveOptions
	log     *slog.Logger
	tls     encryption
	plane   *control.Plane
	engine  engine.Engine
	gateway *gateway.Gateway
	parts   []part
	open    []opened
	ready   atomic.Bool
}

// opened is a listener that clients can connect to, for the banner.
type opened struct {
	what string
	addr string
}

func newServer(ctx context.Context, o *serveOptions, file *configFile, log *slog.Logger) (*server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	tls, err := o.encryption()
	if err != nil {
		return nil, err
	}
	s := &server{options: o, log: log, tls: tls}
	plane, err := control.NewPlane(ctx, nil)
	if err != nil {
		return nil, err
	}
	s.plane = plane
	s.engine = local.New(local.Options{BytesMax: int64(o.MaxMemory)})
	if r, ok := s.engine.(engine.Runner); ok {
		s.parts = append(s.parts, part{"engine", r.Run})
	}
	s.gateway = gateway.New(gateway.Options{Engine: s.engine, Plane: plane, Open: o.anyone(), Endpoint: s.endpoint()})
	if err := s.openMain(); err != nil {
		return nil, err
	}
	s.ready.Store(true)
	return s, nil
}

// endpoint is the base host that issued keys tell clients.
func (s *server) endpoint() string {
	for _, e := range []string{s.options.Endpoint, s.tls.domain, s.options.Listen} {
		if e != "" {
			return e
		}
	}
	return defaultListen
}

// openMain opens the port of gRPC, gRPC-Web and HTTP.
func (s *server) openMain() error {
	l, err := listen("Momento and HTTP clients", s.options.Listen, defaultListen, s.log)
	if err != nil || l == nil {
		return err
	}
	s.open = append(s.open, opened{"momento", l.Addr().String()})
	s.parts = append(s.parts, part{"main port", func(ctx context.Context) error { return s.serveHTTP(ctx, l) }})
	return nil
}

func (s *server) serveHTTP(ctx context.Context, l net.Listener) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, Protocols: protocols}
	stop := context.AfterFunc(ctx, func() {
		drain, cancel := context.WithTimeout(context.Background(), s.options.Drain)
		defer cancel()
		_ = srv.Shutdown(drain)
	})
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler serves what is not gRPC on the main port.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if !s.ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	rows := momento.New(s.gateway)
	calls, web := grpchost.New(rows), momento.Web(rows)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case momento.TakesWeb(r):
			web.ServeHTTP(w, r)
		case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
			calls.ServeHTTP(w, r)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// banner prints, ready to paste, how each kind of client connects.
func (s *server) banner(w io.Writer) {
	fmt.Fprintf(w, "hearth %s\n", version)
	for _, o := range s.open {
		host, port, _ := net.SplitHostPort(o.addr)
		switch o.what {
		case "momento":
			fmt.Fprintf(w, `
  Momento SDKs    MomentoLocalProvider, host %s, port %s
                  (Node.js: new MomentoLocalProvider(); Python: CredentialProvider.for_momento_local("%s", %s))
  HTTP            curl http://%s/healthz
  this CLI        hearth cache create prices && hearth item set prices k v
`, host, port, host, port, o.addr)
		case "resp":
			fmt.Fprintf(w, "  Redis, Valkey   redis-cli -h %s -p %s\n", host, port)
		case "memcache":
			fmt.Fprintf(w, "  memcached       printf 'set k 0 60 1\\r\\nv\\r\\nget k\\r\\nquit\\r\\n' | nc %s %s\n", host, port)
		}
	}
	if s.options.Data == "" {
		fmt.Fprintln(w, "\n  Settings and keys live as long as this process: give --data DIR to keep them.")
	}
	fmt.Fprintln(w)
}
