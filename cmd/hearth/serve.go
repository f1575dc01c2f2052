package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/alecthomas/kong"
)

type serveCommand struct {
	serveOptions
}

// part is something that runs until ctx ends: a door, the engine's expiry, the gateway's metering.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// Run serves until the process is told to stop, then drains.
func (c *serveCommand) Run(ctx context.Context, k *kong.Context, file *configFile) error {
	if err := checkNeeds(k, file); err != nil {
		return usageError{err}
	}
	if err := c.check(); err != nil {
		return usageError{err}
	}
	log := c.logger()
	s, err := newServer(ctx, &c.serveOptions, file, log)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		log.Info("stopped while it waited to start")
		return nil
	}
	if err != nil {
		return err
	}
	s.banner(os.Stdout)
	time.AfterFunc(settled, s.settle)
	return s.run(ctx)
}

// runAll runs the parts until ctx ends or one of them fails, and waits for all.
func runAll(ctx context.Context, parts []part, log *slog.Logger) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, p := range parts {
		wg.Go(func() {
			if err := p.run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				cancel(fmt.Errorf("%s: %w", p.name, err))
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	log.Info("stopped")
	return nil
}

func (o *serveOptions) logger() *slog.Logger {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(o.LogLevel)) // kong has checked it
	options := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// listen opens the listener of a flag: nil where it is off, or where nobody asked for it and its default port is taken.
func listen(name, what, given, byDefault string, log *slog.Logger) (net.Listener, error) {
	addr, asked, open := address(given, byDefault)
	if !open {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil && asked {
		return nil, fmt.Errorf("--%s %s: cannot listen for %s: %w", name, addr, what, err)
	}
	if err != nil {
		log.Warn("default port is taken, left closed; --"+name+" names another", "for", what, "address", addr)
		return nil, nil
	}
	return l, nil
}
