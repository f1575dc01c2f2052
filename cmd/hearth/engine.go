package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/engine/valkey"
	"github.com/hearthcache/hearth/topics"
	topicsvalkey "github.com/hearthcache/hearth/topics/valkey"
)

// engineOptions say where items are kept.
type engineOptions struct {
	Engine         string   `env:"HEARTH_ENGINE" default:"local" enum:"local,valkey" help:"Where items are kept: local (in this process) or valkey (in Valkey or Redis servers)."`
	ValkeyAddrs    []string `env:"HEARTH_VALKEY_ADDRS" placeholder:"HOST:PORT" needs:"engine=valkey" help:"Servers of --engine valkey: some of a cluster's, or the one."`
	ValkeyUser     string   `env:"HEARTH_VALKEY_USER" placeholder:"NAME" needs:"engine=valkey" help:"ACL user to sign in as. It needs the keys and channels h:* and all commands but administrative ones."`
	ValkeyPassword secret   `env:"HEARTH_VALKEY_PASSWORD" placeholder:"SECRET" needs:"engine=valkey" help:"Its password; better given by environment or file, where others do not see it."`
	ValkeyTLS      bool     `env:"HEARTH_VALKEY_TLS" needs:"engine=valkey" help:"Speak TLS to the servers, with certificates that this machine trusts."`
	NearMemory     byteSize `env:"HEARTH_NEAR_MEMORY" default:"64MiB" needs:"engine=valkey" help:"Memory of this process for hot items of --engine valkey; 0 keeps none."`
}

// checkEngine refuses what cannot work.
func (o *serveOptions) checkEngine() error {
	switch {
	case o.MaxMemory != 0 && (o.MaxMemory < local.BytesMaxMin || o.MaxMemory > local.BytesMaxMax):
		return fmt.Errorf("--max-memory %d: allowed are %d (64KiB) to %d (160GiB), or 0 for the default", o.MaxMemory, local.BytesMaxMin, int64(local.BytesMaxMax))
	case o.Engine != "valkey":
		return nil
	case len(o.ValkeyAddrs) == 0:
		return errors.New("--engine valkey needs --valkey-addrs HOST:PORT[,HOST:PORT...]")
	}
	for _, a := range o.ValkeyAddrs {
		if _, _, err := net.SplitHostPort(a); err != nil && !strings.HasPrefix(a, "/") {
			return fmt.Errorf("--valkey-addrs %s: an address is host:port, or the path of a socket", (&url.URL{Host: a}).Host)
		}
	}
	return nil
}

// valkey returns the options of the servers.
func (o *engineOptions) valkey() valkey.Options {
	v := valkey.Options{Addrs: o.ValkeyAddrs, Username: o.ValkeyUser, Password: string(o.ValkeyPassword), NearBytes: int64(o.NearMemory)}
	if o.ValkeyTLS {
		v.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return v
}

// openEngine makes the engine that keeps the items.
func (s *server) openEngine() error {
	switch s.options.Engine {
	case "valkey":
		e, err := valkey.New(s.options.valkey())
		if err != nil {
			return err
		}
		s.engine, s.engineReady = e, e.Ready
	default:
		s.engine = s.openLocal()
	}
	s.closers = append(s.closers, s.engine)
	if r, ok := s.engine.(engine.Runner); ok {
		s.parts = append(s.parts, part{"engine", r.Run})
	}
	return nil
}

// topics returns the broker of a fleet; nil is one in this process.
func (s *server) topics() topics.Broker {
	if s.side == nil {
		return nil
	}
	o := s.options.valkey()
	b := topicsvalkey.New(topicsvalkey.Options{
		Client:  s.side,
		Dial:    func(addr string) (net.Conn, error) { return valkey.Dial(o, addr) },
		Owners:  func(ctx context.Context) (func(string) string, error) { return valkey.Owners(ctx, s.side, o) },
		Reclaim: s.engine.Drop,
		Log:     s.log,
	})
	s.closers = append(s.closers, b)
	return b
}

// openLocal makes the engine that keeps the items in this process.
func (s *server) openLocal() engine.Engine {
	e := local.New(local.Options{BytesMax: int64(s.options.MaxMemory)})
	s.budget.Max = min(max(e.BytesMax(), door.RequestBytesMin), door.RequestBytesMax)
	s.answers.Max = s.budget.Max
	if os.Getenv("GOMEMLIMIT") == "" {
		// What clients may take has to fit below it: above it the collector would leave nobody a processor.
		debug.SetMemoryLimit(e.BytesMax() + local.HeapAllowance + s.budget.Max + s.answers.Max)
	}
	return e
}

// readyWait is how long the engine's servers may take to answer.
const readyWait = 2 * time.Second

// settle does, once the start is over, what would have made it longer.
func (s *server) settle() {
	if s.options.Engine != "valkey" && os.Getenv("GOGC") == "" {
		// Large collections are the only items on the Go heap; the engine counts them with this headroom. Set at once it
		// would have the collector run in the middle of the start.
		debug.SetGCPercent(local.GCPercent)
	}
	forgetStart()
}

// notReady says why requests cannot be served now, nil where they can.
func (s *server) notReady(ctx context.Context) error {
	switch {
	case !s.ready.Load():
		return errors.New("not ready")
	case s.engineReady == nil:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	err := s.engineReady(ctx)
	var known *hearth.Error
	if errors.As(err, &known) {
		// What is behind it, such as addresses, is for the log.
		s.log.Warn("not ready", "error", err)
		return errors.New(known.Msg)
	}
	return err
}
