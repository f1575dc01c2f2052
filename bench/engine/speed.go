package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	keyLen   = 20
	valueLen = 100
)

// keyOf writes the key of item i into k.
func keyOf(k []byte, i uint64) []byte {
	copy(k, "item:.......")
	binary.BigEndian.PutUint64(k[keyLen-8:], i*0x9e3779b97f4a7c15)
	return k[:keyLen]
}

// speed measures get, set and a mix of nine to one, with Zipf keys. All stores are filled at once and take turns, so
// that slow minutes hit all alike.
func speed(names []string, n, rounds int, seconds float64) {
	stores := make([]store, len(names))
	for i, name := range names {
		stores[i] = open(name, int64(n)*(keyLen+valueLen+80)*5/4, n)
		w := stores[i].worker()
		k, v := make([]byte, keyLen), make([]byte, valueLen)
		for j := range n {
			w.set(keyOf(k, uint64(j)), v)
		}
		stores[i].wait()
	}
	draws := drawZipf(n)
	kinds := []string{"get", "set", "mixed"}
	fmt.Printf("ns of processor time per operation, %d items of %d + %d bytes, Zipf keys, median of %d rounds\n\n", n, keyLen, valueLen, rounds)
	fmt.Println("| store | get, 1 thread | get, 2 | set, 1 | set, 2 | 9 get : 1 set, 1 | 2 | hits |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	times := make([][6][]float64, len(stores))
	hits := make([]float64, len(stores))
	for range rounds {
		for c := range 6 {
			for i := range stores {
				ns, hit := measure(stores[i], kinds[c/2], c%2+1, draws, seconds)
				times[i][c] = append(times[i][c], ns)
				if c == 0 {
					hits[i] = hit
				}
			}
		}
	}
	for i, s := range stores {
		fmt.Printf("| %s |", s.name)
		for c := range 6 {
			slices.Sort(times[i][c])
			fmt.Printf(" %.0f |", times[i][c][len(times[i][c])/2])
		}
		fmt.Printf(" %.3f |\n", hits[i])
		s.close()
	}
	fmt.Println()
}

// drawZipf draws item numbers beforehand, so that drawing costs nothing while measuring.
func drawZipf(n int) []uint32 {
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, uint64(n-1))
	draws := make([]uint32, 1<<22)
	for i := range draws {
		draws[i] = uint32(z.Uint64())
	}
	return draws
}

// cpuTime is what this process has used, background work included: unlike the wall clock's, it hardly depends on what
// else the machine does.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure returns the processor time of an operation, and the part of gets that were hits.
func measure(s store, kind string, threads int, draws []uint32, seconds float64) (ns, hit float64) {
	const batch = 1000
	var wg sync.WaitGroup
	var mu sync.Mutex // guards the sums
	var ops, gets, hits int
	start, cpu := time.Now(), cpuTime()
	for t := range threads {
		wg.Go(func() {
			w := s.worker()
			k, v := make([]byte, keyLen), make([]byte, valueLen)
			at, n, g, h := t*len(draws)/2, 0, 0, 0
			for time.Since(start).Seconds() < seconds {
				for range batch {
					key := keyOf(k, uint64(draws[at&(len(draws)-1)]))
					at++
					n++
					if kind == "set" || kind == "mixed" && n%10 == 0 {
						w.set(key, v)
						continue
					}
					g++
					if w.get(key) {
						h++
					}
				}
			}
			mu.Lock()
			ops, gets, hits = ops+n, gets+g, hits+h
			mu.Unlock()
		})
	}
	wg.Wait()
	s.wait()
	return float64((cpuTime() - cpu).Nanoseconds()) / float64(ops), float64(hits) / float64(max(1, gets))
}
