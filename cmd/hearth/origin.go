package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/origin"
)

// loader is an origin as the gateway sees it.
type loader struct {
	*origin.Origin
	template string
}

// Where says what is asked for a key.
func (l loader) Where(key []byte) (string, error) { return origin.Where(l.template, string(key)) }

// Revalidate implements gateway.Revalidator.
func (l loader) Revalidate(ctx context.Context, key []byte, validator string) (gateway.Loaded, error) {
	a, err := l.Ask(ctx, key, validator)
	return gateway.Loaded(a), err
}

// origins returns what opens the origins of caches; it connects to nothing before a cache has one.
func (s *server) origins() (func(template string) (gateway.Loader, error), error) {
	logins := make([]origin.Login, len(s.options.OriginLogin))
	for i, text := range s.options.OriginLogin {
		l, err := origin.ParseLogin(string(text))
		if err != nil {
			return nil, fmt.Errorf("--origin-login, number %d: %w", i+1, err)
		}
		logins[i] = l
	}
	o := origin.New(origin.Options{Allow: prefixes(s.options.OriginAllow), Signed: s.options.OriginSigned, Getenv: os.Getenv, Logins: logins})
	s.closers = append(s.closers, o)
	return func(template string) (gateway.Loader, error) {
		opened, err := o.Open(template)
		if err != nil {
			s.log.Error("a cache's origin cannot be used", "origin", template, "err", err)
			return nil, err
		}
		return loader{opened, template}, nil
	}, nil
}
