package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	what := flag.String("run", "speed,memory,pauses,eviction,small", "what to measure, separated by commas")
	stores := flag.String("stores", strings.Join(all, ","), "which stores, separated by commas")
	items := flag.Int("items", 5_000_000, "items of the speed runs")
	pauseItems := flag.Int("pause-items", 10_000_000, "items of the pauses")
	rounds := flag.Int("rounds", 3, "rounds of the speed runs; medians are printed")
	seconds := flag.Float64("seconds", 1, "seconds of each measurement of a round")
	one := flag.String("one", "", "used by this program itself: one measurement in a process of its own")
	flag.Parse()
	if *one != "" {
		runOne(*one)
		return
	}
	names := strings.Split(*stores, ",")
	for _, w := range strings.Split(*what, ",") {
		switch w {
		case "speed":
			speed(names, *items, *rounds, *seconds)
		case "memory":
			memory(names)
		case "pauses":
			pauses(names, *pauseItems)
		case "eviction":
			eviction(names)
		case "small":
			smallCaches()
		default:
			fmt.Fprintf(os.Stderr, "engine: -run %q: there are speed, memory, pauses, eviction and small\n", w)
			os.Exit(2)
		}
	}
}
