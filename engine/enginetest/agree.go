package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// Agree runs random histories of all commands on two engines side by side and reports the first difference: one of them
// is an oracle for the commands that only Redis has. Both live by the machine's clock.
func Agree(t *testing.T, o Options, a, b engine.Engine) {
	t.Helper()
	spaces := &spaceSource{last: 1 << 19}
	for n, left := uint64(0), o.Operations; left > 0 && !t.Failed(); n++ {
		seed := o.Seed + n
		p := &pair{a: a, b: b}
		p.space = spaces.next()
		g := generator{Rand: rand.New(rand.NewPCG(seed, 2))}
		for range historySteps {
			c := g.common()
			if o.Lacks[c.Spec().Name] {
				continue
			}
			left--
			p.said = append(p.said, Format(c))
			if err := p.do(c); err != nil {
				t.Errorf("seed %d: %v\nhistory of the key:\n%s", seed, err, p.history(c))
				break
			}
		}
		_ = a.Drop(context.Background(), p.space)
		_ = b.Drop(context.Background(), p.space)
	}
}

// common returns a command whose answer does not hang on chance.
func (g generator) common() op.Op {
	for {
		o := g.redis()
		if g.yes() {
			o = g.op()
		}
		switch o := o.(type) {
		case *op.SetPop:
			if o.Count > 0 {
				continue
			}
		case *op.ObjectEncoding:
			continue
		case *op.Sort:
			// Without Store a server compares as its locale has it, and only up to a zero byte.
			o.Alpha = o.Alpha && o.Store != nil
		case *op.UpdateTTL:
			// Which of two moments is later hangs on the clocks.
			o.When &= op.IfNone | op.IfSome
		}
		if !o.Spec().Board {
			return o
		}
	}
}

// pair is two engines and what was said to both.
type pair struct {
	a, b  engine.Engine
	space hearth.Space
	said  []string
}

func (p *pair) do(o op.Op) error {
	a, b := p.ask(p.a, o), p.ask(p.b, o)
	if a != b {
		return fmt.Errorf("%s:\n\tthe first engine  %s\n\tthe second engine %s", Format(o), a, b)
	}
	return nil
}

func (p *pair) ask(e engine.Engine, o op.Op) string {
	var r op.Reply
	defer r.Reset()
	err := e.Do(context.Background(), p.space, o, &r)
	switch o.(type) {
	case *op.ItemTTL, *op.GetTTL:
		if r.Int > 0 {
			// The clocks of the two have moved on differently.
			r.Int = (r.Int + slackMillis) / (2 * slackMillis)
		}
	case *op.SetSample, *op.SetRandom, *op.DictRandom, *op.SortedRandom:
		if err != nil {
			break
		}
		// What is picked is chance; how many are is not.
		return fmt.Sprintf("%d of them, %d", r.Len(), r.Status)
	}
	return Describe(o, &r, err)
}

// history returns the steps that name a key of the last command.
func (p *pair) history(o op.Op) string {
	keys := [][]byte{o.Key()}
	if m, ok := o.(op.Multi); ok {
		keys = m.Keys()
	}
	var b strings.Builder
	for _, line := range p.said {
		for _, k := range keys {
			if strings.Contains(line, string(k)) {
				b.WriteString(line + "\n")
				break
			}
		}
	}
	return b.String()
}
