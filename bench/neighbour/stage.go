package main

import (
	"slices"
	"sync/atomic"
	"time"
)

// stage is what both tenants follow, and what came out.
type stage struct {
	now    atomic.Int32 // the block that runs, or ended
	blocks []part
	length time.Duration // of a block
	quiet  []*reader
	noisy  []*writer
}

// ended is the block after the last.
const ended = -1

// part is one block of time.
type part struct {
	noisy  bool
	server time.Duration // processor time of the server
}

// sample is what tenant B saw in some blocks.
type sample struct {
	times        []time.Duration // sorted
	hits, misses int
}

func (s *sample) add(o *sample) {
	s.times = append(s.times, o.times...)
	slices.Sort(s.times)
	s.hits += o.hits
	s.misses += o.misses
}

func (s *sample) at(quantile float64) time.Duration {
	if len(s.times) == 0 {
		return 0
	}
	return s.times[int(quantile*float64(len(s.times)-1))]
}

func (s *sample) hitRatio() float64 { return 100 * float64(s.hits) / float64(max(1, s.hits+s.misses)) }

// sampleOf returns what all of B's connections saw in a block.
func (s *stage) sampleOf(block int) *sample {
	all := &sample{}
	for _, r := range s.quiet {
		all.add(&r.samples[block])
	}
	return all
}

// noise returns what A has done, and the processor time that its clients took for it.
func (s *stage) noise() (offered, admitted float64, processor time.Duration) {
	for _, w := range s.noisy {
		offered += float64(w.offered)
		admitted += float64(w.admitted)
		processor += w.processor
	}
	return offered, admitted, processor
}

func (s *stage) quietCPU() (processor time.Duration) {
	for _, r := range s.quiet {
		processor += r.processor
	}
	return processor
}

// serverCPU returns the server's processor time in the blocks with A, or in those without; not in the first one.
func (s *stage) serverCPU(noisy bool) (processor time.Duration) {
	for _, b := range s.blocks[1:] {
		if b.noisy == noisy {
			processor += b.server
		}
	}
	return processor
}
