package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pauses shows how long a caller may wait: the full distribution of the times of sixteen operations, phase by phase.
func pauses(names []string, n int) {
	fmt.Printf("%d items of %d + %d bytes: ms of sixteen operations of a caller, by the clock and of its thread's processor time\n\n", n, keyLen, valueLen)
	fmt.Println("| store | phase | median | p99 | p99.99 | max | own: median | p99 | p99.99 | max |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, name := range names {
		fmt.Println(again("pauses", name, n))
	}
	fmt.Println()
}

// stalls are the times of every sixteen operations: by the clock, and of processor time of the caller's own thread, in
// which neither neighbours nor the hypervisor's other guests show.
type stalls struct {
	n    int
	last time.Time
	cpu  time.Duration
	wall []float32
	own  []float32
	why  *worst
}

// newStalls makes room for the times of n operations, and touches it, so that none of them meets a fresh page of ours.
func newStalls(n int) *stalls {
	s := &stalls{wall: make([]float32, n/16+1), own: make([]float32, n/16+1)}
	for i := range s.wall {
		s.wall[i], s.own[i] = 1, 1
	}
	if os.Getenv("PAUSES_WHY") != "" {
		s.why = &worst{}
	}
	return s
}

func (s *stalls) begin() {
	runtime.LockOSThread()
	s.n, s.wall, s.own = 0, s.wall[:0], s.own[:0]
	if s.why != nil {
		*s.why = worst{last: threadUsage()}
	}
	s.last, s.cpu = time.Now(), threadTime()
}

func (s *stalls) step() {
	if s.n++; s.n%16 != 0 {
		return
	}
	now, cpu := time.Now(), threadTime()
	wall, own := now.Sub(s.last).Seconds()*1000, (cpu-s.cpu).Seconds()*1000
	s.wall = append(s.wall, float32(wall))
	s.own = append(s.own, float32(own))
	if s.why != nil {
		s.why.note(s.n, wall, own)
	}
	s.last, s.cpu = time.Now(), threadTime()
}

// row is a line of the table.
func (s *stalls) row(store, phase string) string {
	runtime.UnlockOSThread()
	if s.why != nil {
		s.why.print(phase)
	}
	b := fmt.Sprintf("| %s | %s |", store, phase)
	for _, v := range [][]float32{s.wall, s.own} {
		slices.Sort(v)
		n := len(v)
		b += fmt.Sprintf(" %.4f | %.3f | %.3f | %.2f |", v[n/2], v[n-1-n/100], v[n-1-n/10000], v[n-1])
	}
	return b + "\n"
}

func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// worst keeps what the kernel says of the longest times: a fault is a fresh page, a switch means that another thread ran.
type worst struct {
	last  unix.Rusage
	waits int64 // of all times
	times [5]struct {
		at                       int
		wall, own                float64
		faults, yields, switches int64
	}
}

func threadUsage() (u unix.Rusage) {
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		panic(err)
	}
	return u
}

func (w *worst) note(at int, wall, own float64) {
	u := threadUsage()
	w.waits += u.Nvcsw - w.last.Nvcsw
	t := &w.times[len(w.times)-1]
	if wall > t.wall {
		t.at, t.wall, t.own = at, wall, own
		t.faults, t.yields, t.switches = u.Minflt-w.last.Minflt, u.Nvcsw-w.last.Nvcsw, u.Nivcsw-w.last.Nivcsw
		for i := len(w.times) - 1; i > 0 && w.times[i].wall > w.times[i-1].wall; i-- {
			w.times[i], w.times[i-1] = w.times[i-1], w.times[i]
		}
	}
	w.last = u
}

func (w *worst) print(phase string) {
	fmt.Fprintf(os.Stderr, "%s: the thread slept %d times\n", phase, w.waits)
	for _, t := range w.times {
		fmt.Fprintf(os.Stderr, "%s: operation %d: %.3f ms, own %.3f, %d faults, %d waits, %d switches\n", phase, t.at, t.wall, t.own, t.faults, t.yields, t.switches)
	}
}

// stolen returns the processor time that the hypervisor gave to others, of all processors.
func stolen() time.Duration {
	b, _ := os.ReadFile("/proc/stat")
	f := strings.Fields(string(b))
	if len(f) < 9 {
		return 0
	}
	ticks, _ := strconv.ParseInt(f[8], 10, 64)
	return time.Duration(ticks) * 10 * time.Millisecond
}

// onePauses goes through the life of one store of n items and prints a row for each phase.
func onePauses(name string, n int) {
	s := open(name, int64(n)*(keyLen+valueLen+30)*8/5, n)
	p := &phases{name: name, n: uint64(n), store: s, w: s.worker(), st: newStalls(2 * n), k: make([]byte, keyLen), v: make([]byte, 2*valueLen)}
	before, began := stolen(), time.Now()
	p.run("an idle loop", n, p.idle)
	p.run("fill: the index grows", n, func(i int) { p.set(uint64(i), valueLen) })
	s.wait()
	fmt.Printf("| %s | a full collection of garbage: %.2f ms |\n", name, collection().Seconds()*1000)
	p.run("nine gets to a set", n/2, p.steady)
	p.run("half as many small items: the index grows", n/2, func(i int) { p.set(p.n+uint64(i), 8) })
	p.run("values of other lengths: cleaning", 2*n, func(i int) {
		x := uint64(i) * 0x9e3779b97f4a7c15 >> 20
		p.set(x%p.n, valueLen/2+int(x%valueLen))
	})
	if p.w.expiring != nil {
		p.massExpiry()
	}
	p.run("new items: refill and eviction", 2*n, func(i int) { p.set(2*p.n+uint64(i), valueLen) })
	p.run("an idle loop", n, p.idle)
	fmt.Printf("| %s | stolen by the hypervisor: %.1f %% of two processors |\n", name, 50*(stolen()-before).Seconds()/time.Since(began).Seconds())
}

// phases is a store on its way through them.
type phases struct {
	name  string
	n     uint64
	store store
	w     worker
	st    *stalls
	k, v  []byte
}

func (p *phases) run(phase string, times int, do func(i int)) {
	p.st.begin()
	for i := range times {
		do(i)
		p.st.step()
	}
	fmt.Print(p.st.row(p.name, phase))
}

// idle takes about as long as an operation.
func (p *phases) idle(i int) {
	for j := range 300 {
		keyOf(p.k, uint64(i+j))
	}
}

func (p *phases) set(item uint64, size int) { p.w.set(keyOf(p.k, item), p.v[:size]) }

// steady reads nine items and writes one.
func (p *phases) steady(i int) {
	key := keyOf(p.k, uint64(i)*7919%p.n)
	if i%10 == 0 {
		p.w.set(key, p.v[:valueLen])
		return
	}
	p.w.get(key)
}

// massExpiry lets half the items expire at once while a caller reads and writes others.
func (p *phases) massExpiry() {
	at := time.Now().Add(time.Duration(p.n) * 2 * time.Microsecond)
	for i := range p.n / 2 {
		p.w.expiring(keyOf(p.k, i*2), p.v[:valueLen], time.Until(at))
	}
	time.Sleep(time.Until(at) - time.Second)
	p.run("half of the items expire", int(p.n), func(i int) {
		key := keyOf(p.k, (uint64(i)*7919*2+1)%p.n)
		if i%10 == 0 {
			p.w.set(key, p.v[:valueLen])
			return
		}
		p.w.get(key)
	})
}

// collection returns how long a full collection of garbage takes.
func collection() time.Duration {
	runtime.GC()
	gc := time.Hour
	for range 3 {
		start := time.Now()
		runtime.GC()
		gc = min(gc, time.Since(start))
	}
	return gc
}
