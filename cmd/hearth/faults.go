package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/hearthcache/hearth/door/momento"
)

// openGate puts a gate before the main port, and opens the port that closes and opens it. It returns the listener that
// hearth really serves on; clients connect to l, and what passes the gate is copied between the two.
func (s *server) openGate(l net.Listener) (net.Listener, error) {
	admin, err := listen("dev-faults", "the test admin API", "", defaultFaults, s.log)
	if err != nil {
		return nil, err
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	gate := &momento.Gate{}
	s.parts = append(s.parts, part{"gate", func(ctx context.Context) error {
		return forward(ctx, gate.Listen(l), inner.Addr().String())
	}})
	if admin == nil {
		return inner, nil
	}
	s.open = append(s.open, opened{what: "faults", addr: admin.Addr().String()})
	s.parts = append(s.parts, part{"test admin", func(ctx context.Context) error {
		srv := &http.Server{Handler: gate}
		defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
		if err := srv.Serve(admin); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}})
	return inner, nil
}

// forward copies every connection of l to addr and back, until ctx ends.
func forward(ctx context.Context, l net.Listener, addr string) error {
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		from, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		to, err := net.Dial("tcp", addr)
		if err != nil {
			_ = from.Close()
			continue
		}
		wg.Go(func() { join(ctx, from, to) })
	}
}

// join copies both ways until either side ends.
func join(ctx context.Context, a, b net.Conn) {
	closeBoth := func() {
		_ = a.Close()
		_ = b.Close()
	}
	defer context.AfterFunc(ctx, closeBoth)()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(a, b)
		closeBoth()
	})
	_, _ = io.Copy(b, a)
	closeBoth()
	wg.Wait()
}
