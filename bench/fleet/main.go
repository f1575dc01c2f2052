// Command fleet measures whether the work of a gateway grows with the number of gateways: what a request costs one of two
// gateways, and one of four, and what it costs the servers behind them. Each fleet has a cluster of three shards of its own.
//
// The unit is processor time for one operation, by the process clocks of the kernel, since few machines have processors
// for four gateways, the servers and the load at once. Here all gateways share one processor, servers and load another.
// Four processes on one processor cost more than two, as each finds its caches full of the others' data; that says nothing
// of fleets. So four gateways of one fleet are compared with two fleets of two beside each other, under the same load:
// the only difference is whether the gateways have to do with each other. The two sides take turns in each round, and
// figures are medians. A gateway on a processor of its own answers 1 / CPU per operation, so that what two gateways can do
// grows with two more by (4 / CPU in a fleet of four) / (2 / CPU in one of two).
package main

import (
	"flag"
	"fmt"
	"log"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

func main() {
	log.SetFlags(0)
	binary := flag.String("hearth", filepath.Join("..", "bin", "hearth"), "the gateway to measure")
	rounds := flag.Int("rounds", 5, "how often each fleet is measured")
	seconds := flag.Float64("seconds", 1, "how long each measurement takes")
	keys := flag.Int("keys", 100_000, "how many keys of 20 bytes there are, with values of 100 bytes")
	only := flag.String("run", "", "only the rows whose name, such as \"mixed, RESP\", this expression finds")
	flag.Parse()
	expression, err := regexp.Compile(*only)
	if err == nil {
		b := &bench{rounds: *rounds, length: time.Duration(*seconds * float64(time.Second)), keys: *keys, only: expression}
		err = b.run(*binary)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type bench struct {
	rounds int
	length time.Duration
	keys   int
	only   *regexp.Regexp
}

// The sizes of the fleets that are compared. Each side has as many gateways in all as the larger one.
const (
	fewer = 2
	more  = 4
)

// The caches of a fleet: one as it is made, one that collapses misses and has a limit that nothing reaches.
const (
	plainCache = "plain"
	ruledCache = "ruled"
)

// row is one line of the table.
type row struct {
	name  string
	cache string
	mix   mix
	shape shape
}

func (b *bench) run(binary string) error {
	if err := pinSelf(); err != nil {
		return err
	}
	sides := []side{{gateways: fewer}, {gateways: more}}
	for i := range sides {
		s := &sides[i]
		defer s.stop()
		if err := s.start(binary, b.keys); err != nil {
			return fmt.Errorf("a fleet of %d gateways: %w", s.gateways, err)
		}
	}
	fmt.Println("| load | gateways of a fleet | CPU µs/op, gateways | CPU µs/op, servers | ops/s | capacity, 2 → 4 gateways |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, r := range rows() {
		if !b.only.MatchString(r.name) {
			continue
		}
		if err := b.measure(r, sides); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// rows are each mix in each shape.
func rows() (out []row) {
	shapes := []shape{
		{name: "RESP, 50 connections", conns: 50, pipeline: 1},
		{name: "RESP, 50 connections, pipeline 16", conns: 50, pipeline: 16},
		{name: "gRPC, 1 × 100", conns: 1, streams: 100},
	}
	for _, m := range []struct {
		name, cache string
		mix         mix
	}{
		{"reads", plainCache, mix{}},
		{"hot reads", plainCache, mix{hot: 1000}},
		{"writes", plainCache, mix{write: 1000}},
		{"mixed", plainCache, mixed},
		{"mixed, a limit and collapsed misses", ruledCache, mixed},
		{"misses and their sets", plainCache, mix{fresh: 1000}},
		{"misses and their sets, a limit and collapsed misses", ruledCache, mix{fresh: 1000}},
	} {
		for _, s := range shapes {
			out = append(out, row{m.name + ", " + s.name, m.cache, m.mix, s})
		}
	}
	return out
}

// mixed is reads of many keys and of hot ones, writes, some of them of hot keys, and keys that nobody has seen, which
// whoever misses them sets.
var mixed = mix{hot: 400, write: 90, hotWrite: 2, fresh: 10}

// cost is what one measurement has found, in microseconds for an operation.
type cost struct{ gateways, servers, perSecond float64 }

// measure puts the load on each side in turn and prints the medians.
func (b *bench) measure(r row, sides []side) error {
	costs := make([][]cost, len(sides))
	for range b.rounds {
		for i := range sides {
			c, err := sides[i].load(r, b.keys, b.length)
			if err != nil {
				return fmt.Errorf("fleets of %d gateways: %w", sides[i].gateways, err)
			}
			costs[i] = append(costs[i], c)
		}
	}
	of := func(i int) float64 { return median(costs[i], func(c cost) float64 { return c.gateways }) }
	for i, s := range sides {
		grows := ""
		if i > 0 {
			grows = fmt.Sprintf("%.2f", more/of(i)/(fewer/of(0)))
		}
		fmt.Printf("| %s | %d | %.2f | %.2f | %.0f | %s |\n", r.name, s.gateways, of(i), median(costs[i], func(c cost) float64 { return c.servers }),
			median(costs[i], func(c cost) float64 { return c.perSecond }), grows)
	}
	return nil
}

func median(costs []cost, of func(cost) float64) float64 {
	v := make([]float64, len(costs))
	for i, c := range costs {
		v[i] = of(c)
	}
	slices.Sort(v)
	return v[len(v)/2]
}
