// Command neighbour measures what a noisy neighbour costs: tenant B reads through its cache at a steady pace, while
// tenant A, limited to 1,000 requests a second, offers 20,000 in every second block of time. It starts the hearth it is
// given, speaks RESP to it over loopback, and prints B's times and hit ratio in the blocks with A beside those without.
//
// What is compared lies seconds apart, and the order within a pair of blocks alternates, so that what else the machine
// does falls on both. Every connection has a thread of its own that sleeps and blocks in the kernel; A's run at the
// lowest priority. Started in the real-time class (chrt --fifo 10), server and clients are not held up by other programs.
// It fails where A makes B's p99 twice as long, or takes a point of its hit ratio.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// The scenario.
const (
	quietRate   = 2000   // requests a second of tenant B
	quietKeys   = 20_000 // that tenant B reads, about 20 MB with their values
	quietConns  = 4
	noisyRate   = 20_000 // requests a second that tenant A offers
	noisyLimit  = 1000   // requests a second that tenant A may make
	noisyConns  = 4
	valueBytes  = 1000 // A's admitted writes make 30 MB in 30 s, which do not fit beside B's
	memory      = "40MB"
	worsePoints = 1.0
	worseTimes  = 2.0
	offeredMin  = 0.98 // of what A should offer: below it, the machine has not let the scenario happen
)

func main() {
	binary := flag.String("hearth", "bin/hearth", "the binary to measure")
	pairs := flag.Int("pairs", 15, "how many blocks with A, and as many without")
	block := flag.Duration("block", 2*time.Second, "how long a block takes")
	flag.Parse()
	// Each thread of a tenant has a processor of Go's to come back to, and nothing is collected while it measures.
	runtime.GOMAXPROCS(2 * (quietConns + noisyConns))
	debug.SetGCPercent(-1)
	if err := run(*binary, *pairs, *block); err != nil {
		fmt.Fprintln(os.Stderr, "neighbour:", err)
		os.Exit(1)
	}
}

func run(binary string, pairs int, block time.Duration) error {
	h, err := start(binary)
	if err != nil {
		return err
	}
	defer h.stop()
	for _, c := range []string{
		fmt.Sprintf(`{"name":"noisy","settings":{"request-rate":"%d"}}`, noisyLimit), `{"name":"quiet"}`,
	} {
		if err := h.create(c); err != nil {
			return err
		}
	}
	if err := fill(h.resp); err != nil {
		return err
	}
	s, err := play(h, pairs, block)
	if err != nil {
		return err
	}
	lost, err := count(h.resp)
	if err != nil {
		return err
	}
	return s.report(lost)
}

// play runs both tenants through all blocks: one without A first, which only warms up, then the pairs.
func play(h *hearth, pairs int, block time.Duration) (*stage, error) {
	s := &stage{blocks: make([]part, 1, 1+2*pairs)}
	for i := range pairs {
		s.blocks = append(s.blocks, part{noisy: i%2 == 1}, part{noisy: i%2 == 0})
	}
	tenants := make(chan error, quietConns+noisyConns)
	length := block * time.Duration(len(s.blocks))
	quiet := make([]*reader, quietConns)
	for i := range quiet {
		r, err := newReader(s, h.resp, uint64(i), length)
		if err != nil {
			return nil, err
		}
		quiet[i] = r
		go func() { tenants <- r.run() }()
	}
	noisy := make([]*writer, noisyConns)
	for i := range noisy {
		w, err := newWriter(s, h.resp, i)
		if err != nil {
			return nil, err
		}
		noisy[i] = w
		go func() { tenants <- w.run() }()
	}
	for i := range s.blocks {
		s.now.Store(int32(i))
		before := h.processor()
		time.Sleep(block)
		s.blocks[i].server = h.processor() - before
	}
	s.now.Store(ended)
	var err error
	for range cap(tenants) {
		err = errors.Join(err, <-tenants)
	}
	s.length, s.quiet, s.noisy = block, quiet, noisy
	return s, err
}

// report prints what came out, and returns an error where A was felt.
func (s *stage) report(lost int) error {
	alone, beside, before, since := &sample{}, &sample{}, &sample{}, &sample{}
	var ratios []float64
	for i := range s.blocks {
		b := s.sampleOf(i)
		if i == 0 {
			before.add(b)
			continue
		}
		since.add(b)
		if s.blocks[i].noisy {
			beside.add(b)
		} else {
			alone.add(b)
		}
		if i%2 == 0 {
			ratios = append(ratios, ratio(s.sampleOf(i-1), b, s.blocks[i].noisy))
		}
	}
	slices.Sort(ratios)
	seconds := float64(len(ratios)) * s.length.Seconds()
	offered, admitted, noisyCPU := s.noise()
	fmt.Printf("A offered %.0f requests/s for %.0f s in all, of which %.0f/s were admitted\n", offered/seconds, seconds, admitted/seconds)
	fmt.Printf("B alone:    p50 %v  p99 %v  p99.9 %v\n", alone.at(0.5), alone.at(0.99), alone.at(0.999))
	fmt.Printf("B beside A: p50 %v  p99 %v  p99.9 %v\n", beside.at(0.5), beside.at(0.99), beside.at(0.999))
	pooled, median := float64(beside.at(0.99))/float64(alone.at(0.99)), ratios[len(ratios)/2]
	fmt.Printf("B's p99, with A to without: %.2fx of all requests; block by block median %.2fx, from %.2fx to %.2fx\n", pooled, median, ratios[0], ratios[len(ratios)-1])
	fmt.Printf("B's hit ratio: %.3f%% before A, %.3f%% since; %d of its %d keys are gone\n", before.hitRatio(), since.hitRatio(), lost, quietKeys)
	own := s.serverCPU(true) - s.serverCPU(false)
	fmt.Printf("processor time: server %.1f%% of a core alone, %.1f%% beside A (%.1f µs for each of A's requests); A's clients %.1f%%, B's %.1f%%\n",
		100*s.serverCPU(false).Seconds()/seconds, 100*s.serverCPU(true).Seconds()/seconds, own.Seconds()*1e6/max(1, offered),
		100*noisyCPU.Seconds()/seconds, 100*s.quietCPU().Seconds()/(s.length.Seconds()*float64(len(s.blocks))))
	switch {
	case offered/seconds < offeredMin*noisyRate:
		return errors.New("the machine is too busy for A to offer what it should")
	case pooled >= worseTimes || median >= worseTimes || before.hitRatio()-since.hitRatio() >= worsePoints:
		return errors.New("the neighbour is felt")
	}
	return nil
}

// ratio returns by how much p99 of the noisy one of two blocks is longer.
func ratio(first, second *sample, secondNoisy bool) float64 {
	if !secondNoisy {
		first, second = second, first
	}
	return float64(second.at(0.99)) / float64(max(1, first.at(0.99)))
}
