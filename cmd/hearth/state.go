package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/control/store"
	"github.com/hearthcache/hearth/engine/valkey"
)

// openState opens what outlives the process: the control state and the books, in the engine's servers, in one file
// below --data, or in this process alone where there is neither.
func (s *server) openState(ctx context.Context) error {
	if s.options.Engine == "valkey" {
		return s.openShared(ctx)
	}
	var kept control.Store
	var books control.UsageStore
	if s.options.Data != "" {
		file, err := store.Open(s.options.Data)
		if err != nil {
			return fmt.Errorf("--data %s: %w", s.options.Data, err)
		}
		s.closers = append(s.closers, file)
		kept, books = file, file
	}
	plane, err := control.NewPlane(ctx, kept)
	if err != nil {
		return err
	}
	s.plane, s.ledger = plane, control.NewLedger(books)
	return nil
}

// serversWait is how long a gateway waits at its start for servers that do not answer.
const serversWait = 30 * time.Second

// openShared opens the control state and the books that all gateways of the servers share.
func (s *server) openShared(ctx context.Context) error {
	var client valkeygo.Client
	for end := time.Now().Add(serversWait); ; {
		var err error
		if client, err = valkey.Connect(s.options.valkey()); err == nil {
			break
		}
		// A server that refuses goes on refusing; one that loads its data does not.
		var said *valkeygo.ValkeyError
		refused := errors.As(err, &said) && !strings.HasPrefix(said.Error(), "LOADING")
		if refused && strings.HasPrefix(said.Error(), "NOAUTH") {
			return fmt.Errorf("--valkey-addrs %s: the servers want a password: --valkey-password, or HEARTH_VALKEY_PASSWORD", strings.Join(s.options.ValkeyAddrs, ","))
		}
		if refused || time.Now().After(end) {
			return fmt.Errorf("--valkey-addrs %s: %w", strings.Join(s.options.ValkeyAddrs, ","), err)
		}
		s.log.Warn("the servers of --engine valkey do not answer; trying again", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	shared := store.NewValkey(client)
	s.closers = append(s.closers, closing(client.Close), shared)
	plane, err := control.NewPlane(ctx, shared)
	if err != nil {
		return err
	}
	s.plane, s.ledger, s.side = plane, control.NewSharedLedger(shared), client
	s.parts = append(s.parts, part{"control", plane.Run})
	return nil
}

// closing is a close that cannot fail.
type closing func()

// Close implements io.Closer.
func (c closing) Close() error {
	c()
	return nil
}

// openPrices reads the price book.
func (s *server) openPrices() error {
	if s.options.PriceBook == "" {
		return nil
	}
	text, err := os.ReadFile(s.options.PriceBook)
	if err != nil {
		return fmt.Errorf("--price-book: %w", err)
	}
	if s.prices, err = control.ParsePriceBook(string(text)); err != nil {
		return fmt.Errorf("--price-book %s: %w", s.options.PriceBook, err)
	}
	return nil
}

// declare makes the caches of the config file, and gives them its settings.
func (s *server) declare(ctx context.Context, file *configFile) error {
	for name, settings := range file.caches {
		texts := map[string]string{}
		for key, v := range settings {
			texts[key] = fmt.Sprint(v)
		}
		if _, err := s.plane.Change(ctx, control.DeclareCache{Name: name, Settings: texts}); err != nil {
			return fmt.Errorf("config file %s: [cache.%s]: %w", file.path, name, err)
		}
	}
	return nil
}

// rootKey creates a key for the owner of a server that requires credentials, where there is none or none is left; nil
// otherwise.
func (s *server) rootKey(ctx context.Context) (*auth.Issued, error) {
	if s.options.anyone() || s.plane.State().HasOwner() {
		return nil, nil
	}
	made, err := s.gateway.CreateRoot(ctx)
	if hearth.KindOf(err) == hearth.Exists { // another gateway has shown it
		return nil, nil
	}
	return &made, err
}

// showRoot prints the root key, the only time that it can be seen.
func showRoot(w io.Writer, made *auth.Issued) {
	if made == nil {
		return
	}
	fmt.Fprintf(w, `
  This is the root key. It is shown this once, and only its hash is kept: store it now.

      export MOMENTO_API_KEY=%s

  It may do everything. Make keys for your applications with it: hearth key create --help
`, made.V1())
}
