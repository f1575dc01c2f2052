package control

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Store keeps the state durably. Package control/store has the implementations.
type Store interface {
	// Load returns the newest state, nil if there is none yet.
	Load(ctx context.Context) (*State, error)
	// Save replaces the state; it fails when a newer version than s.Version-1 is stored.
	Save(ctx context.Context, s *State) error
	// Wait returns the first state newer than version.
	Wait(ctx context.Context, version uint64) (*State, error)
}

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

// Change makes a change and returns the state after it. When it returns nil the change is as durable as the store.
func (p *Plane) Change(ctx context.Context, c Change) (*State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.state.Load()
	s, err := c.Apply(old, time.Now().UnixMilli())
	if err != nil {
		return nil, err
	}
	if p.store != nil {
		if err := p.store.Save(ctx, s); err != nil {
			return nil, err
		}
	}
	p.state.Store(s)
	for _, f := range p.onChange {
		f(old, s)
	}
	return s, nil
}
