package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

const (
	historySteps      = 250
	operationsDefault = 100_000
	// The machine's clock may move on between a command and its model by so much.
	slackMillis = 5_000
)

// step is a command, how far the clock moves before it, and the tag that is invalidated before it.
type step struct {
	wait int64
	tag  []byte
	op   op.Op
}

// player runs histories on an engine and on a model side by side.
type player struct {
	Options
	engine engine.Engine
	spaces *spaceSource
	split  bool // commands over several keys in parts, where they can be
}

// histories runs random histories until enough operations have been run.
func histories(t *testing.T, o Options, e engine.Engine) {
	total := o.Operations
	if total == 0 {
		total = operationsDefault
	}
	p := &player{Options: o, engine: e, spaces: &spaceSource{last: 1 << 10}}
	for n := uint64(0); total > 0 && !t.Failed(); n++ {
		seed := o.Seed + n
		steps := p.random(seed)
		p.split = n%2 == 1
		total -= len(steps)
		if err := p.play(steps); err != nil {
			t.Errorf("seed %d, in parts %v: %v\nhistory:\n%s", seed, p.split, err, p.shrink(steps))
		}
	}
}

func (p *player) random(seed uint64) []step {
	g := generator{Rand: rand.New(rand.NewPCG(seed, 1)), short: p.Clock != nil, tags: seed%8 == 0}
	var steps []step
	for len(steps) < historySteps {
		s := step{op: g.op()}
		if p.Lacks[s.op.Spec().Name] {
			continue
		}
		if g.short && g.IntN(4) == 0 {
			s.wait = g.Int64N(60)
		}
		if g.tags && g.IntN(12) == 0 {
			s.tag = g.tagName()
		}
		steps = append(steps, s)
	}
	return steps
}

// play runs steps in a new space and returns the first difference.
func (p *player) play(steps []step) error {
	s, boards := p.spaces.next(), p.spaces.next()
	defer p.engine.Drop(context.Background(), s)
	defer p.engine.Drop(context.Background(), boards)
	m := &model{items: map[string]*thing{}}
	for i, st := range steps {
		if p.Clock != nil {
			p.Clock.Advance(st.wait)
			m.now = p.Clock.Now()
		}
		if st.tag != nil {
			m.invalidate(st.tag)
			if err := p.engine.(engine.Tagger).Invalidate(context.Background(), s, st.tag); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
		space := s
		if st.op.Spec().Board {
			space = boards
		}
		if err := p.one(space, m, st.op); err != nil {
			return fmt.Errorf("step %d, %s: %w", i, Format(st.op), err)
		}
	}
	return nil
}

func (p *player) one(s hearth.Space, m *model, o op.Op) error {
	var r op.Reply
	defer r.Reset()
	err := p.run(s, o, &r)
	m.pick = nil
	for i := range r.Len() {
		m.pick = append(m.pick, slices.Clone(r.Part(i).Bytes))
	}
	wantErr := m.do(o)
	if _, ok := o.(*op.ItemTTL); ok && p.Clock == nil {
		if d := m.r.Int - r.Int; d > -slackMillis && d < slackMillis {
			r.Int = m.r.Int
		}
	}
	got, want := Describe(o, &r, err), Describe(o, m.r, wantErr)
	if got != want {
		return fmt.Errorf("\n\tgot  %s\n\twant %s", got, want)
	}
	return nil
}

func (p *player) run(s hearth.Space, o op.Op, r *op.Reply) error {
	ctx := context.Background()
	sp, ok := o.(op.Splitter)
	if !p.split || !ok {
		return p.engine.Do(ctx, s, o, r)
	}
	parts, join := sp.Parts()
	rs := make([]op.Reply, len(parts))
	p.engine.DoAll(ctx, s, parts, rs)
	for i := range rs {
		if rs[i].Err != nil {
			return rs[i].Err
		}
	}
	write, err := join(rs, r)
	if err != nil || write == nil {
		return err
	}
	return p.engine.Do(ctx, s, write, r)
}

// shrink removes steps as long as the history still fails, and spells what is left.
func (p *player) shrink(steps []step) string {
	err := p.play(steps)
	for size := len(steps) / 2; size > 0; {
		removed := false
		for at := 0; at < len(steps); {
			fewer := slices.Delete(slices.Clone(steps), at, min(at+size, len(steps)))
			if e := p.play(fewer); e != nil {
				steps, err, removed = fewer, e, true
				continue
			}
			at += size
		}
		if !removed || size > 1 {
			size /= 2
		}
	}
	b := strings.Builder{}
	for _, s := range steps {
		if s.wait > 0 {
			fmt.Fprintf(&b, "wait %d\n", s.wait)
		}
		if s.tag != nil {
			fmt.Fprintf(&b, "invalidate %s\n", s.tag)
		}
		fmt.Fprintln(&b, Format(s.op))
	}
	fmt.Fprintf(&b, "shrunken: %v", err)
	return b.String()
}

// spaces: what is in one space is not in another, and outlives it.
func spaces(t *testing.T, e engine.Engine) {
	ctx := context.Background()
	do := func(s hearth.Space, o op.Op, want string) {
		t.Helper()
		var r op.Reply
		defer r.Reset()
		err := e.Do(ctx, s, o, &r)
		if got := Describe(o, &r, err); got != want {
			t.Errorf("%s in space %d: %s; want %s", Format(o), s, got, want)
		}
	}
	set := &op.Set{K: []byte("k"), Value: []byte("v")}
	get := &op.Get{K: []byte("k")}
	do(1, set, "done")
	do(2, get, "miss")
	do(1, get, "hit value=v")
	do(2, set, "done")
	if err := e.Drop(ctx, 1); err != nil {
		t.Fatal(err)
	}
	do(2, get, "hit value=v")
	f, ok := e.(engine.Flusher)
	if !ok {
		return
	}
	if err := f.Flush(ctx, 2, 3); err != nil {
		t.Fatal(err)
	}
	do(3, get, "miss")
	var r op.Reply
	if err := e.Do(ctx, 3, get, &r); err != nil || r.Cause != op.Flushed {
		t.Errorf("the cause of a miss after the flush is %v, %v", r.Cause, err)
	}
	do(3, set, "done")
	do(3, get, "hit value=v")
}
