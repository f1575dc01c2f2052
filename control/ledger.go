package control

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// UsageStore keeps the books durably. Package control/store has the implementation.
type UsageStore interface {
	// SaveUsage replaces lines: of the same day, cache, credential and verb.
	SaveUsage(ctx context.Context, lines []Usage) error
	// LoadUsage returns the lines of days from and to, both included.
	LoadUsage(ctx context.Context, from, to string) ([]Usage, error)
}

// UsageAdder is a UsageStore that several processes add to. Its SaveUsage is not called.
type UsageAdder interface {
	// AddUsage adds lines to those of a day, all or none.
	AddUsage(ctx context.Context, day string, lines []Usage) error
	// LoadUsage is as of UsageStore.
	LoadUsage(ctx context.Context, from, to string) ([]Usage, error)
}

// Ledger adds up usage by day. What Add has returned from is as durable as the store.
type Ledger struct {
	store UsageStore // nil keeps the books in this process only
	adder UsageAdder // instead of store: shared by several processes

	mu    sync.Mutex // guards the rest; held while the store saves
	day   string     // whose lines were read
	lines map[line]Counts
	dirty map[line]bool // not saved yet
	late  []Usage       // of days whose lines could not be read yet
}

type line struct{ day, cache, credential, verb string }

// NewLedger returns the books over a store, which may be nil.
func NewLedger(store UsageStore) *Ledger {
	return &Ledger{store: store, lines: map[line]Counts{}, dirty: map[line]bool{}}
}

// NewSharedLedger returns the books over a store that several processes add to.
func NewSharedLedger(store UsageAdder) *Ledger {
	return &Ledger{adder: store, lines: map[line]Counts{}}
}

// Day returns the day that a time belongs to in the books.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Add adds lines to those of a day. After an error nothing is lost: the next Add saves them.
func (l *Ledger) Add(ctx context.Context, day string, lines []Usage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.adder != nil {
		return l.share(ctx, day, lines)
	}
	for _, u := range lines {
		u.Day = day
		l.late = append(l.late, u)
	}
	if err := l.open(ctx, day); err != nil {
		return err
	}
	for _, u := range l.late {
		at := line{u.Day, u.Cache, u.Credential, u.Verb}
		sum := l.lines[at]
		sum.Add(&u.Counts)
		l.lines[at] = sum
		l.dirty[at] = true
	}
	l.late = nil
	if l.store == nil || len(l.dirty) == 0 {
		return nil
	}
	save := make([]Usage, 0, len(l.dirty))
	for at := range l.dirty {
		save = append(save, at.usage(l.lines[at]))
	}
	if err := l.store.SaveUsage(ctx, save); err != nil {
		return err
	}
	clear(l.dirty)
	return nil
}

// share adds lines to the shared store, with those that it could not take before: lines holds no others.
func (l *Ledger) share(ctx context.Context, day string, lines []Usage) error {
	for _, u := range lines {
		at := line{day, u.Cache, u.Credential, u.Verb}
		sum := l.lines[at]
		sum.Add(&u.Counts)
		l.lines[at] = sum
	}
	byDay := map[string][]Usage{}
	for at, c := range l.lines {
		byDay[at.day] = append(byDay[at.day], at.usage(c))
	}
	for d, kept := range byDay {
		if err := l.adder.AddUsage(ctx, d, kept); err != nil {
			return err
		}
		maps.DeleteFunc(l.lines, func(at line, _ Counts) bool { return at.day == d })
	}
	return nil
}

// load returns the stored lines of days from and to.
func (l *Ledger) load(ctx context.Context, from, to string) ([]Usage, error) {
	switch {
	case l.adder != nil:
		return l.adder.LoadUsage(ctx, from, to)
	case l.store != nil:
		return l.store.LoadUsage(ctx, from, to)
	}
	return nil, nil
}

// open reads what the store has of a day that is new here, and forgets other days, which are saved.
func (l *Ledger) open(ctx context.Context, day string) error {
	if l.store == nil || l.day == day {
		return nil
	}
	for at := range l.lines {
		if !l.dirty[at] {
			delete(l.lines, at)
		}
	}
	days := map[string]bool{day: true}
	for _, u := range l.late {
		days[u.Day] = true
	}
	for d := range days {
		stored, err := l.store.LoadUsage(ctx, d, d)
		if err != nil {
			return err
		}
		for _, u := range stored {
			if at := (line{u.Day, u.Cache, u.Credential, u.Verb}); !l.dirty[at] {
				l.lines[at] = u.Counts
			}
		}
	}
	l.day = day
	return nil
}

func (at line) usage(c Counts) Usage {
	return Usage{Day: at.day, Cache: at.cache, Credential: at.credential, Verb: at.verb, Counts: c}
}

// Query returns the lines of days from and to, both included, in order of day, cache, credential and verb.
func (l *Ledger) Query(ctx context.Context, from, to string) ([]Usage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[line]Counts{}
	stored, err := l.load(ctx, from, to)
	if err != nil {
		return nil, err
	}
	for _, u := range stored {
		found[line{u.Day, u.Cache, u.Credential, u.Verb}] = u.Counts
	}
	for at, c := range l.lines {
		if from <= at.day && at.day <= to {
			if before := found[at]; l.adder != nil {
				c.Add(&before)
			}
			found[at] = c
		}
	}
	lines := make([]Usage, 0, len(found))
	for at, c := range found {
		lines = append(lines, at.usage(c))
	}
	slices.SortFunc(lines, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Cache, b.Cache), cmp.Compare(a.Credential, b.Credential), cmp.Compare(a.Verb, b.Verb))
	})
	return lines, nil
}

// Add adds o to c.
func (c *Counts) Add(o *Counts) {
	c.Operations += o.Operations
	c.In += o.In
	c.Out += o.Out
	c.Hits += o.Hits
	c.Misses += o.Misses
	c.Refused += o.Refused
	c.Units += o.Units
	c.ByteMillis += o.ByteMillis
	c.Evicted += o.Evicted
	c.Expired += o.Expired
}

// Sum adds up lines that are alike but for what the caller does not ask to keep apart.
func Sum(lines []Usage, byDay, byCredential, byVerb bool) []Usage {
	var sums []Usage
	at := map[line]int{}
	for _, u := range lines {
		key := line{cache: u.Cache}
		if byDay {
			key.day = u.Day
		}
		if byCredential {
			key.credential = u.Credential
		}
		if byVerb {
			key.verb = u.Verb
		}
		i, seen := at[key]
		if !seen {
			i = len(sums)
			at[key] = i
			sums = append(sums, key.usage(Counts{}))
		}
		sums[i].Counts.Add(&u.Counts)
	}
	return sums
}
