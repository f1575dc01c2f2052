// Command neighbour measures what a noisy neighbour costs: tenant B reads through its cache at a steady pace, alone and
// then while tenant A, limited to 1,000 requests a second, offers 20,000. It starts the hearth it is given, speaks RESP to
// it over loopback, and prints B's p99 and hit ratio of both halves. It fails where p99 grows by 2x or more, or the hit
// ratio falls by a point or more.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	noisyBytes  = 1000 // of each value that tenant A writes: 30 MB in 30 s, which do not fit beside B's
	memory      = "40MB"
	worsePoints = 1.0
	worseTimes  = 2.0
)

func main() {
	binary := flag.String("hearth", "bin/hearth", "the binary to measure")
	length := flag.Duration("for", 30*time.Second, "how long each half takes")
	flag.Parse()
	if err := run(*binary, *length); err != nil {
		fmt.Fprintln(os.Stderr, "neighbour:", err)
		os.Exit(1)
	}
}

func run(binary string, length time.Duration) error {
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
	alone, err := quiet(h.resp, length)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	noise := make(chan result, 1)
	go func() { noise <- noisy(h.resp, stop) }()
	beside, err := quiet(h.resp, length)
	close(stop)
	if err != nil {
		return err
	}
	n := <-noise
	if n.err != nil {
		return n.err
	}
	seconds := length.Seconds()
	fmt.Printf("tenant A offered %.0f requests/s, %.0f/s were admitted\n", float64(n.offered)/seconds, float64(n.admitted)/seconds)
	fmt.Printf("tenant B alone:    p50 %v  p99 %v  hits %.2f%%\n", alone.at(0.5), alone.at(0.99), alone.ratio())
	fmt.Printf("tenant B beside A: p50 %v  p99 %v  hits %.2f%%\n", beside.at(0.5), beside.at(0.99), beside.ratio())
	times := float64(beside.at(0.99)) / float64(alone.at(0.99))
	points := alone.ratio() - beside.ratio()
	fmt.Printf("p99 %.2fx, hit ratio %+.2f points\n", times, -points)
	if times >= worseTimes || points >= worsePoints {
		return errors.New("the neighbour is felt")
	}
	return nil
}

// hearth is a server under measurement.
type hearth struct {
	cmd        *exec.Cmd
	http, resp string
}

func start(binary string) (*hearth, error) {
	h := &hearth{}
	for _, a := range []*string{&h.http, &h.resp} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*a = l.Addr().String()
		l.Close()
	}
	h.cmd = exec.Command(binary, "serve", "--listen", h.http, "--resp", h.resp, "--memcache", "off", "--admin", "off", "--max-memory", memory)
	h.cmd.Stderr = os.Stderr
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	for range 500 {
		if r, err := http.Get("http://" + h.http + "/readyz"); err == nil {
			r.Body.Close()
			return h, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.stop()
	return nil, errors.New("hearth did not become ready")
}

func (h *hearth) stop() {
	_ = h.cmd.Process.Signal(syscall.SIGTERM)
	_ = h.cmd.Wait()
}

func (h *hearth) create(body string) error {
	r, err := http.Post("http://"+h.http+"/admin/caches", "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusCreated {
		b, _ := io.ReadAll(r.Body)
		return fmt.Errorf("creating a cache: %s %s", r.Status, b)
	}
	return nil
}

// conn is a RESP connection signed in to a cache.
type conn struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

func dial(addr, cache string) (*conn, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{nc, bufio.NewReaderSize(nc, 64<<10), bufio.NewWriterSize(nc, 256<<10)}
	c.say("AUTH", cache, "x")
	if kind, err := c.answer(); err != nil || kind != '+' {
		return nil, fmt.Errorf("AUTH: %c, %v", kind, err)
	}
	return c, nil
}

func (c *conn) say(words ...string) {
	fmt.Fprintf(c.w, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(c.w, "$%d\r\n%s\r\n", len(w), w)
	}
}

// answer reads one reply and returns its kind: '_' is null.
func (c *conn) answer() (kind byte, err error) {
	if err := c.w.Flush(); err != nil {
		return 0, err
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	var n int
	if kind = line[0]; kind == '$' {
		if _, err := fmt.Sscanf(line[1:], "%d", &n); err != nil {
			return 0, err
		}
		if n < 0 {
			return '_', nil
		}
		_, err = c.r.Discard(n + 2)
	}
	return kind, err
}

// sample is what tenant B saw.
type sample struct {
	mu           sync.Mutex // guards the rest
	times        []time.Duration
	hits, misses int
}

func (s *sample) at(quantile float64) time.Duration {
	if len(s.times) == 0 {
		return 0
	}
	return s.times[int(quantile*float64(len(s.times)-1))]
}

func (s *sample) ratio() float64 { return 100 * float64(s.hits) / float64(max(1, s.hits+s.misses)) }

// quiet reads through the cache "quiet" at a steady pace. A request's time begins when it was due, so that a stall counts
// for all that it holds up.
func quiet(addr string, length time.Duration) (*sample, error) {
	s := &sample{}
	errs := make(chan error, quietConns)
	for i := range quietConns {
		go func() { errs <- s.read(addr, uint64(i), length) }()
	}
	for range quietConns {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	slices.Sort(s.times)
	return s, nil
}

// fill stores all that tenant B reads.
func fill(addr string) error {
	c, err := dial(addr, "quiet")
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range quietKeys {
		c.say("SET", fmt.Sprintf("key-%d", i), quietValue)
		if kind, err := c.answer(); err != nil || kind != '+' {
			return fmt.Errorf("SET: %c, %v", kind, err)
		}
	}
	return nil
}

var quietValue = strings.Repeat("v", 1000)

func (s *sample) read(addr string, seed uint64, length time.Duration) error {
	c, err := dial(addr, "quiet")
	if err != nil {
		return err
	}
	defer c.Close()
	random := rand.New(rand.NewPCG(seed, 1))
	const every = time.Second * quietConns / quietRate
	began := time.Now()
	for due := began; due.Sub(began) < length; due = due.Add(every) {
		time.Sleep(time.Until(due))
		key := fmt.Sprintf("key-%d", random.IntN(quietKeys))
		c.say("GET", key)
		kind, err := c.answer()
		took := time.Since(due)
		if err != nil || kind == '-' {
			return fmt.Errorf("GET: %c, %v", kind, err)
		}
		if kind == '_' {
			c.say("SET", key, quietValue)
			if kind, err := c.answer(); err != nil || kind != '+' {
				return fmt.Errorf("SET: %c, %v", kind, err)
			}
		}
		s.mu.Lock()
		s.times = append(s.times, took)
		if kind == '_' {
			s.misses++
		} else {
			s.hits++
		}
		s.mu.Unlock()
	}
	return nil
}

// result is what tenant A did.
type result struct {
	offered, admitted int64
	err               error
}

// noisy writes to the cache "noisy" in batches until stop is closed.
func noisy(addr string, stop <-chan struct{}) result {
	var offered, admitted atomic.Int64
	errs := make(chan error, noisyConns)
	for i := range noisyConns {
		go func() { errs <- write(addr, i, stop, &offered, &admitted) }()
	}
	var r result
	for range noisyConns {
		r.err = errors.Join(r.err, <-errs)
	}
	r.offered, r.admitted = offered.Load(), admitted.Load()
	return r
}

func write(addr string, worker int, stop <-chan struct{}, offered, admitted *atomic.Int64) error {
	c, err := dial(addr, "noisy")
	if err != nil {
		return err
	}
	defer c.Close()
	value := strings.Repeat("n", noisyBytes)
	const batch = 20
	const every = time.Second * batch * noisyConns / noisyRate
	due := time.Now()
	for n := 0; ; due = due.Add(every) {
		select {
		case <-stop:
			return nil
		case <-time.After(time.Until(due)):
		}
		for range batch {
			n++
			c.say("SET", fmt.Sprintf("noise-%d-%d", worker, n), value)
		}
		for range batch {
			kind, err := c.answer()
			if err != nil {
				return err
			}
			offered.Add(1)
			if kind == '+' {
				admitted.Add(1)
			}
		}
	}
}
