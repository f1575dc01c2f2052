package control

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
)

// Store keeps the state durably. Package control/store has the implementations.
type Store interface {
	// Load returns the newest state, nil if there is none yet.
	Load(ctx context.Context) (*State, error)
	// Save replaces the state; it fails with ErrStale when another one than version s.Version-1 is stored.
	Save(ctx context.Context, s *State) error
	// Wait returns the first state newer than version. Load returns it too from then on, or a newer one.
	Wait(ctx context.Context, version uint64) (*State, error)
}

// Spreader is a Store that other processes follow.
type Spreader interface {
	// Spread returns when all who follow the store have the state of a version or a newer one, as far as they are heard of,
	// or when that has taken too long. It changes nothing about the change being made.
	Spread(ctx context.Context, version uint64)
}

// ErrStale is the error of a Save over a state that somebody else has changed.
var ErrStale = &hearth.Error{Kind: hearth.Unavailable, Msg: "the control state was changed by somebody else: try again"}

// Plane holds the newest state. Reading it is one atomic load.
type Plane struct {
	store Store // nil keeps the state in this process only
	state atomic.Pointer[State]

	mu       sync.Mutex // serialises changes; held while the store saves
	onChange []func(old, new *State)
}

// NewPlane returns a plane over what the store holds.
func NewPlane(ctx context.Context, store Store) (*Plane, error) {
	p := &Plane{store: store}
	p.state.Store(&State{})
	if store == nil {
		return p, nil
	}
	s, err := store.Load(ctx)
	if err != nil {
		return nil, err
	}
	if s != nil {
		p.state.Store(s)
	}
	return p, nil
}

// State returns the newest state, which must not be changed.
func (p *Plane) State() *State { return p.state.Load() }

// OnChange calls f after each change, in order, before Change returns. It is called before the plane is used.
func (p *Plane) OnChange(f func(old, new *State)) { p.onChange = append(p.onChange, f) }

// Change makes a change and returns the state after it. When it returns nil the change is as durable as the store, and
// known to those who follow it. Where somebody else was faster, it is made again on top of what they did.
func (p *Plane) Change(ctx context.Context, c Change) (*State, error) {
	s, err := p.change(ctx, c)
	if spreads, ok := p.store.(Spreader); ok && err == nil {
		spreads.Spread(ctx, s.Version)
	}
	return s, err
}

func (p *Plane) change(ctx context.Context, c Change) (*State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range conflictsMax {
		s, err := c.Apply(p.state.Load(), time.Now().UnixMilli())
		if err != nil {
			return nil, err
		}
		if p.store != nil {
			err = p.store.Save(ctx, s)
		}
		if err == nil {
			p.swap(s)
			return s, nil
		}
		if !errors.Is(err, ErrStale) {
			return nil, err
		}
		if err := p.reload(ctx); err != nil {
			return nil, err
		}
	}
	return nil, ErrStale
}

// conflictsMax is how often a change is tried while others are faster.
const conflictsMax = 50

// Run follows what others change in the store, until ctx ends.
func (p *Plane) Run(ctx context.Context) error {
	if p.store == nil {
		<-ctx.Done()
		return nil
	}
	for ctx.Err() == nil {
		s, err := p.store.Wait(ctx, p.State().Version)
		if err == nil {
			p.mu.Lock()
			if s != p.State() { // else it was changed from here
				err = p.reload(ctx)
			}
			p.mu.Unlock()
		}
		if err == nil {
			continue
		}
		// A store that does not answer is asked again; what is known goes on being served.
		select {
		case <-ctx.Done():
		case <-time.After(retryEvery):
		}
	}
	return nil
}

const retryEvery = 200 * time.Millisecond

// reload takes what the store has. It is called under mu.
func (p *Plane) reload(ctx context.Context) error {
	s, err := p.store.Load(ctx)
	if err != nil || s == nil || s == p.state.Load() {
		return err
	}
	if known := p.state.Load().NextSpace; s.NextSpace < known {
		// The store has lost its newest state. No number that was given out is given out again.
		n := *s
		n.NextSpace = known
		s = &n
	}
	p.swap(s)
	return nil
}

// swap makes a state the newest. It is called under mu.
func (p *Plane) swap(s *State) {
	old := p.state.Swap(s)
	for _, f := range p.onChange {
		f(old, s)
	}
}
