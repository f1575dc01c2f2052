// Command topics measures publish and subscribe from outside, the same way for every server: how long a message takes
// from its publisher to each subscriber, and how many deliveries a second of the server's processor time buys.
//
//	cd bench && go build -o /tmp/topics-bench ./topics && /tmp/topics-bench -hearth ../bin/hearth
//
// Servers that are not installed are left out. Rounds go through all servers in turn, so that slow minutes hit all alike.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// load is one kind of run.
type load struct {
	fanOut int
	bytes  int
	window int // messages that may be under way
}

var loads = []load{{1, 100, 16}, {1, 4096, 16}, {100, 100, 4}, {100, 4096, 4}, {5000, 100, 1}, {5000, 4096, 1}}

// result is what one run of one server came to.
type result struct {
	p50, p99  time.Duration
	perCPU    float64 // deliveries a second of the server's processor time
	perSecond float64 // deliveries a second of the clock
}

func main() {
	hearth := flag.String("hearth", "../bin/hearth", "the hearth to measure")
	rounds := flag.Int("rounds", 3, "rounds over all servers; medians are printed")
	seconds := flag.Float64("secs", 1.5, "length of a run")
	only := flag.String("only", "", "servers to measure, comma-separated; empty is all")
	shapes := flag.String("loads", "", "loads to run, as subscribers x bytes, comma-separated, such as 100x4096; empty is all")
	bare := flag.String("bare", "", "serve bare grpc-go streams on this address (used by the program itself)")
	flag.Parse()
	if *bare != "" {
		check(serveBare(*bare))
		return
	}
	all := systems(*hearth)
	if *only != "" {
		all = slices.DeleteFunc(all, func(s system) bool { return !slices.Contains(strings.Split(*only, ","), s.name) })
	}
	loads := slices.DeleteFunc(loads, func(l load) bool {
		return *shapes != "" && !slices.Contains(strings.Split(*shapes, ","), fmt.Sprintf("%dx%d", l.fanOut, l.bytes))
	})
	got := map[string][]result{}
	for round := range *rounds {
		for _, l := range loads {
			for _, s := range all {
				r, err := measure(s, l, time.Duration(*seconds*float64(time.Second)))
				if err != nil {
					fmt.Fprintf(os.Stderr, "%s, 1 to %d, %d bytes: %v\n", s.name, l.fanOut, l.bytes, err)
					continue
				}
				key := fmt.Sprint(s.name, l)
				got[key] = append(got[key], r)
				fmt.Fprintf(os.Stderr, "round %d %s 1 to %d, %d B: %v %v %.0f/CPU-s\n", round+1, s.name, l.fanOut, l.bytes, r.p50, r.p99, r.perCPU)
			}
		}
	}
	printTable(all, loads, got)
}

func printTable(all []system, loads []load, got map[string][]result) {
	for _, l := range loads {
		fmt.Printf("\n**1 to %d, %d B, %d under way**\n\n| server | p50 | p99 | deliveries/CPU-s | deliveries/s |\n|---|---|---|---|---|\n", l.fanOut, l.bytes, l.window)
		for _, s := range all {
			rs := got[fmt.Sprint(s.name, l)]
			if len(rs) == 0 {
				continue
			}
			fmt.Printf("| %s | %v | %v | %s | %s |\n", s.name,
				median(rs, func(r result) time.Duration { return r.p50 }).Round(10*time.Microsecond),
				median(rs, func(r result) time.Duration { return r.p99 }).Round(10*time.Microsecond),
				thousands(median(rs, func(r result) float64 { return r.perCPU })),
				thousands(median(rs, func(r result) float64 { return r.perSecond })))
		}
	}
}

func median[T int64 | float64 | time.Duration](rs []result, f func(result) T) T {
	var v []T
	for _, r := range rs {
		v = append(v, f(r))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func thousands(v float64) string { return fmt.Sprintf("%.0f k", v/1000) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
