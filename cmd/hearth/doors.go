package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/door/httpapi"
	"github.com/hearthcache/hearth/door/memcache"
	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/door/resp"
)

// opened is a port that clients can connect to, for the banner.
type opened struct {
	what string
	addr string
	tls  bool
	key  bool // clients need a credential
}

// say prints how a client connects to it.
func (o opened) say(w io.Writer) {
	host, port, _ := net.SplitHostPort(o.addr)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // every address of this machine, this one among them
		o.addr = net.JoinHostPort(host, port)
	}
	switch {
	case o.what == "main" && !o.tls && o.key:
		fmt.Fprintf(w, `  Momento SDKs    with an API key they speak TLS only: see hearth serve --help for --tls-self-signed and --acme
  HTTP            curl -H "Authorization: $MOMENTO_API_KEY" http://%[1]s/admin/caches
  this CLI        hearth cache create prices --endpoint %[1]s --key KEY
`, o.addr)
	case o.what == "main" && !o.tls:
		fmt.Fprintf(w, `  Momento SDKs    their "local" provider, host %[1]s, port %[2]s:
                  Node.js: new MomentoLocalProvider({ hostname: '%[1]s', port: %[2]s })
                  Python:  CredentialProvider.for_momento_local("%[1]s", %[2]s)
  HTTP            curl http://%[3]s/healthz
  this CLI        hearth cache create prices --endpoint %[3]s
`, host, port, o.addr)
	case o.what == "main":
		credential := "an API key"
		if !o.key {
			credential = "any API key, since it is open to this machine: --auth asks for its own"
		}
		fmt.Fprintf(w, "  Momento SDKs    TLS on %[1]s, with %[2]s\n  HTTP            https on %[1]s\n", o.addr, credential)
	case o.what == "resp" && !o.tls && o.key:
		fmt.Fprintf(w, "  Redis, Valkey   redis-cli -h %s -p %s --user CACHE --pass KEY\n", host, port)
	case o.what == "resp" && !o.tls:
		fmt.Fprintf(w, "  Redis, Valkey   redis-cli -h %s -p %s\n", host, port)
	case o.what == "resp":
		fmt.Fprintf(w, "  Redis, Valkey   redis-cli --tls -h %s -p %s --user CACHE --pass KEY\n", host, port)
	case o.what == "memcache":
		fmt.Fprintf(w, "  memcached       printf 'set k 0 60 1\\r\\nv\\r\\nget k\\r\\nquit\\r\\n' | nc %s %s\n", host, port)
	case o.what == "admin":
		fmt.Fprintf(w, "  operators       curl http://%s/metrics\n", o.addr)
	case o.what == "faults":
		fmt.Fprintf(w, "  test admin      curl http://%s/block, then /unblock\n", o.addr)
	}
}

// openDoors opens every port; those that nobody asked for are left closed where they are taken.
func (s *server) openDoors() error {
	s.spareProcessor()
	closed := len(s.parts)
	if err := s.openMain(); err != nil {
		return err
	}
	if err := s.openRESP(); err != nil {
		return err
	}
	if err := s.openMemcache(); err != nil {
		return err
	}
	if err := s.openAdmin(); err != nil {
		return err
	}
	if len(s.parts) == closed {
		return errors.New("every port is off, or a default one that is taken: give an address with --listen, --resp or --memcache")
	}
	return nil
}

// spareProcessor gives Go's scheduler one processor more than there are event loops. Where all of its processors wait in
// epoll, the scheduler takes one from them each time, wakes a thread to look for work and has its monitor look every
// 20 µs: a tenth of the processor time of a server that is not busy all the time (docs/decisions/007-event-loops.md).
func (s *server) spareProcessor() {
	s.loops.Count = runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(s.loops.Count + 1)
}

// door makes a server of a protocol; all of them share loops and the bound on connections.
func (s *server) door(p door.Protocol) *door.Server {
	return &door.Server{Protocol: p, TLS: s.tls.config, Limits: &s.limits, Budget: &s.budget, Answers: &s.answers, Loops: &s.loops, DrainMax: s.options.Drain}
}

// serve makes a part of a protocol on a listener.
func (s *server) serve(name string, p door.Protocol, l net.Listener) {
	d := s.door(p)
	s.parts = append(s.parts, part{name, func(ctx context.Context) error { return d.Serve(ctx, l) }})
	s.open = append(s.open, opened{name, l.Addr().String(), s.tls.config != nil, !s.options.anyone()})
}

// openRESP opens the port of Redis and Valkey clients.
func (s *server) openRESP() error {
	l, err := listen("resp", "Redis and Valkey clients", s.options.RESP, defaultRESP, s.log)
	if err != nil || l == nil {
		return err
	}
	s.serve("resp", resp.New(resp.Options{Gateway: s.gateway, Version: version, Port: l.Addr().(*net.TCPAddr).Port, Budget: &s.budget, Log: s.log}), l)
	return nil
}

// openMemcache opens the port of memcached's clients.
func (s *server) openMemcache() error {
	l, err := listen("memcache", "memcached's clients", s.options.Memcache, defaultMemcache, s.log)
	if err != nil || l == nil {
		return err
	}
	s.serve("memcache", memcache.New(memcache.Options{Gateway: s.gateway, Port: l.Addr().(*net.TCPAddr).Port, Budget: &s.budget, Log: s.log}), l)
	return nil
}

// openMain opens the port of gRPC, gRPC-Web and HTTP.
func (s *server) openMain() error {
	l, err := listen("listen", "Momento and HTTP clients", s.options.Listen, defaultListen, s.log)
	if err != nil || l == nil {
		return err
	}
	s.open = append(s.open, opened{"main", l.Addr().String(), s.tls.config != nil, !s.options.anyone()})
	rows := s.watch.Calls(momento.New(s.gateway))
	if s.options.DevFaults {
		rows = momento.Faults(rows)
		if l, err = s.openGate(l); err != nil {
			return err
		}
	}
	plain := lazily(func() http.Handler { return s.handler(rows) })
	d := s.door(h2.NewServer(h2.Options{GRPC: rows, HTTP: plain, Budget: &s.budget, Answers: &s.answers, Log: s.log}))
	d.HTTP = plain
	s.parts = append(s.parts, part{"main port", func(ctx context.Context) error { return d.Serve(ctx, l) }})
	return nil
}

// handler serves what is not gRPC on the main port.
func (s *server) handler(rows h2.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.answerReady)
	mux.Handle("/", httpapi.New(httpapi.Options{Gateway: s.gateway, Prices: s.prices, Budget: &s.budget, Answers: &s.answers}))
	mux.Handle("GET /metrics", s.metrics().Handler(s.superUser))
	plain := s.watch.HTTP(mux)
	web := momento.Web(rows)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if momento.TakesWeb(r) {
			web.ServeHTTP(w, r)
			return
		}
		plain.ServeHTTP(w, r)
	})
	if s.options.anyone() && s.options.local() {
		return guard(s.tls.domain, h)
	}
	return h
}

// lazily is the handler that open returns, opened at the first request: routes take a tenth of the start.
func lazily(open func() http.Handler) http.Handler {
	h := sync.OnceValue(open)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h().ServeHTTP(w, r) })
}

// answerReady tells load balancers whether to send requests here.
func (s *server) answerReady(w http.ResponseWriter, r *http.Request) {
	if err := s.notReady(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
