package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/observe"
)

// openWatch starts what looks at requests, where the operator asked for it.
func (s *server) openWatch() {
	s.watch = observe.Watch{Slow: s.options.SlowLog, Log: s.log}
	if s.options.TraceTo == "" {
		return
	}
	tracer, stop := observe.NewTracer(s.options.TraceTo, s.options.TraceShare, version)
	s.watch.Tracer = tracer
	s.closers = append(s.closers, closer(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return stop(ctx)
	}))
}

// closer is a function that is an io.Closer.
type closer func() error

// Close implements io.Closer.
func (c closer) Close() error { return c() }

func (s *server) metrics() *observe.Metrics {
	return &observe.Metrics{Gateway: s.gateway, Engine: s.engine, Connections: s.limits.Count, Version: version,
		Log: func(err error) { s.log.Error("metrics", "error", err) }}
}

// openAdmin opens the port of metrics and profiles, for the operator of this machine.
func (s *server) openAdmin() error {
	l, err := listen("admin", "metrics and profiles", s.options.Admin, defaultAdmin, s.log)
	if err != nil || l == nil {
		return err
	}
	s.open = append(s.open, opened{what: "admin", addr: l.Addr().String()})
	s.parts = append(s.parts, part{"admin port", func(ctx context.Context) error {
		srv := &http.Server{Handler: lazily(s.operators), ReadHeaderTimeout: 10 * time.Second}
		defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}})
	return nil
}

// operators serves metrics and profiles.
func (s *server) operators() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics().Handler(nil))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return guard("", mux)
}

// superUser lets super users through: it guards /metrics on the main port, which others reach too.
func (s *server) superUser(r *http.Request) error {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	c, err := s.gateway.SignIn(gateway.Credential{Token: token, Door: gateway.HTTP}, "")
	if err != nil {
		return err
	}
	return c.May(auth.Account, auth.Read)
}
