package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/control/store"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/observe"
)

// server is everything that `hearth serve` runs, wired together.
type server struct {
	options *serveOptions
	log     *slog.Logger
	tls     encryption
	plane   *control.Plane
	ledger  *control.Ledger
	prices  *control.PriceBook // nil where there is none
	engine  engine.Engine
	side    valkeygo.Client // of --engine valkey, for what is kept beside the items
	// engineReady asks an engine that depends on other servers; nil where there are none.
	engineReady func(context.Context) error
	gateway     *gateway.Gateway
	watch       observe.Watch
	limits      door.Limits // shared by all ports
	budget      door.Budget // likewise, as answers
	answers     door.Budget
	loops       door.Loops   // shared by all ports
	root        *auth.Issued // made at this start; nil otherwise
	parts       []part
	closers     []io.Closer // in the order of opening
	open        []opened
	ready       atomic.Bool
}

// newServer opens everything; when it returns, every port listens.
func newServer(ctx context.Context, o *serveOptions, file *configFile, log *slog.Logger) (*server, error) {
	s := &server{options: o, log: log}
	if err := s.build(ctx, file); err != nil {
		s.close()
		return nil, err
	}
	s.ready.Store(true)
	return s, nil
}

func (s *server) build(ctx context.Context, file *configFile) (err error) {
	if s.tls, err = s.options.encryption(); err != nil {
		return err
	}
	if err := s.openState(ctx); err != nil {
		return err
	}
	if err := s.openPrices(); err != nil {
		return err
	}
	s.openWatch()
	if err := s.openEngine(); err != nil {
		return err
	}
	origins, err := s.origins()
	if err != nil {
		return err
	}
	var peers gateway.Peers
	if s.side != nil {
		peers = store.NewLoads(s.side, rand.Text())
	}
	s.gateway = gateway.New(gateway.Options{Peers: peers, Topics: s.topics(), Engine: s.engine, Plane: s.plane, Ledger: s.ledger, Log: s.log,
		WebhookAllow: prefixes(s.options.WebhookAllow), Origin: origins, Open: s.options.anyone(), Endpoint: s.endpoint()})
	s.closers = append(s.closers, s.gateway)
	s.loops.Flush = s.gateway.Flush
	s.parts = append(s.parts, part{"gateway", s.gateway.Run}, part{"topics", s.gateway.RunTopics})
	if err := s.declare(ctx, file); err != nil {
		return err
	}
	if s.root, err = s.rootKey(ctx); err != nil {
		return err
	}
	return s.openDoors()
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

// run serves until ctx ends, then drains and closes everything.
func (s *server) run(ctx context.Context) error {
	err := runAll(ctx, s.parts, s.log)
	s.close()
	return err
}

// close gives back what was opened, the last first.
func (s *server) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i].Close(); err != nil {
			s.log.Error("closing", "error", err)
		}
	}
	s.closers = nil
}

// banner prints, ready to paste, how each kind of client connects.
func (s *server) banner(w io.Writer) {
	fmt.Fprintf(w, "hearth %s\n\n", version)
	for _, o := range s.open {
		o.say(w)
	}
	s.tls.trust(w)
	showRoot(w, s.root)
	switch {
	case s.options.Engine == "valkey":
		fmt.Fprintf(w, "\n  Items, settings, keys and usage are kept in the servers at %s, for all gateways.\n", strings.Join(s.options.ValkeyAddrs, ","))
		if s.options.Data != "" {
			fmt.Fprintf(w, "  In --data %s are at most certificates.\n", s.options.Data)
		}
	case s.options.Data == "":
		fmt.Fprintln(w, "\n  Settings and keys live as long as this process: give --data DIR to keep them.")
	default:
		fmt.Fprintf(w, "\n  Settings, keys and usage are kept in %s.\n", s.options.Data)
	}
	if s.options.NoAuth {
		fmt.Fprintln(w, "\n  DANGER: anybody who reaches these addresses may do anything.")
	}
	fmt.Fprintln(w)
}
