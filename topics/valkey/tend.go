package valkey

import (
	"context"
	"time"
)

// tendLater has feeds placed that have no ear. b.mu is held.
func (b *Broker) tendLater() {
	if !b.tending && !b.closed {
		b.tending = true
		go b.tend()
		return
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// tend finds the server of each feed that has none and has it followed there, until every feed is. Where servers do not
// answer it tries again, less and less often.
func (b *Broker) tend() {
	pause, last := againFirst, time.Time{}
	for {
		b.mu.Lock()
		over, troubled := b.closed || len(b.feeds) == 0, b.troubled
		b.tending, b.troubled = !over, false
		b.mu.Unlock()
		switch {
		case over:
			return
		case troubled:
			select {
			case <-b.over.Done():
			case <-time.After(pause):
			}
			pause, last = min(2*pause, againLast), time.Now()
		case time.Since(last) > 2*againLast:
			pause = againFirst
		}
		b.mu.Lock()
		if !b.place() {
			b.troubled = true
			b.tendLater()
		}
		b.mu.Unlock()
		select {
		case <-b.over.Done():
		case <-b.wake:
		}
	}
}

// place has ears for all feeds that have none, and reports whether their servers are known. b.mu is held, but not while
// they are asked for.
func (b *Broker) place() bool {
	if len(b.todo) > 0 && b.owner == nil {
		b.mu.Unlock()
		owner, err := b.owners()
		b.mu.Lock()
		if err != nil {
			return false
		}
		b.owner = owner
	}
	for f := range b.todo {
		addr := b.owner(f.channel)
		if addr == "" {
			b.owner = nil
			return false
		}
		e := b.ears[addr]
		if e == nil {
			e = newEar(b, addr)
			b.ears[addr] = e
		}
		delete(b.todo, f)
		f.ear = e
		e.subscribe(f)
	}
	return true
}

func (b *Broker) owners() (func(key string) string, error) {
	ctx, cancel := context.WithTimeout(b.over, ownersTimeout)
	defer cancel()
	return b.o.Owners(ctx)
}

const ownersTimeout = time.Second

// lost takes a feed from its ear, which the server does not follow it on any more. b.mu is held.
func (b *Broker) lost(e *ear, f *feed) {
	if f.ear != e || b.feeds[f.channel] != f {
		return
	}
	f.ear = nil
	delete(e.feeds, f.channel)
	b.todo[f] = struct{}{}
	b.owner, b.troubled = nil, true
	b.tendLater()
}

// fell takes everything from an ear whose connection has ended.
func (b *Broker) fell(e *ear, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ears[e.addr] == e {
		delete(b.ears, e.addr)
	}
	if len(e.feeds) > 0 && !b.closed && e.heard() {
		b.o.Log.Warn("a server of topics is not heard any more; what is missed meanwhile is read when one is", "addr", e.addr, "err", err)
	}
	for _, f := range e.feeds {
		b.lost(e, f)
	}
}

// subscribed notes that the server tells of a feed from now on. A lane cannot be read: who listens to patterns is told
// that something may have been missed while it was not followed.
func (b *Broker) subscribed(e *ear, f *feed) {
	if f.topic != "" {
		return
	}
	b.mu.Lock()
	known := f.known
	if f.ear == e {
		f.isKnown()
	}
	b.mu.Unlock()
	if known {
		b.memory.LosePatterns(f.space)
	}
}

// moved takes a channel that the server does not have any more.
func (b *Broker) moved(e *ear, channel []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := e.feeds[string(channel)]; f != nil {
		b.lost(e, f)
	}
}
