package valkey

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// failures counts what engine.Failures tells.
type failures struct{ repeated, unreachable, late, full atomic.Uint64 }

// Failures implements engine.Remote.
func (e *Engine) Failures() engine.Failures {
	f := &e.failures
	return engine.Failures{Repeated: f.repeated.Load(), Unreachable: f.unreachable.Load(), Late: f.late.Load(), Full: f.full.Load()}
}

// count notes what has become of units that were run.
func (f *failures) count(ctx context.Context, units []*unit) {
	for _, u := range units {
		switch {
		case u.err != nil && hearth.KindOf(unreachable(ctx, u.err)) == hearth.Unavailable:
			f.unreachable.Add(1)
		case u.err != nil:
			f.late.Add(1)
		case len(u.values) > 0 && notNow(u.values[0]):
			f.unreachable.Add(1)
		case len(u.values) > 0 && u.values[0].IsError() && isFull(u.values[0]):
			f.full.Add(1)
		}
	}
}

// refused notes the error of a command that a pipe has answered.
func (f *failures) refused(err error) {
	var e *hearth.Error
	if errors.As(err, &e) && e.Kind == hearth.Limited {
		f.full.Add(1)
	}
}

var _ engine.Remote = (*Engine)(nil)
