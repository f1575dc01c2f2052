package main

import (
	"errors"
	"fmt"
	"math/bits"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/bench/address"
)

// system is a server, or a fleet, and one way to talk to it.
type system struct {
	name    string
	doors   int // how many addresses it is reached at: the publisher uses the first, subscribers all, beginning with the second
	command func(at []string) []*exec.Cmd
	connect func(at []string, l load, got func(subscriber, n int)) (session, error)
}

// session is a publisher and its subscribers, connected.
type session interface {
	publish(body []byte) error
	close()
}

// histogram counts durations in buckets of about 6 %.
type histogram struct{ buckets [64 * 16]atomic.Uint64 }

func (h *histogram) add(d time.Duration) {
	n := uint64(max(d, 1))
	top := bits.Len64(n)
	low := uint64(0)
	if top > 5 {
		low = n >> (top - 5) & 15
	}
	h.buckets[top*16+int(low)].Add(1)
}

func (h *histogram) quantile(q float64) time.Duration {
	var all, sum uint64
	for i := range h.buckets {
		all += h.buckets[i].Load()
	}
	for i := range h.buckets {
		if sum += h.buckets[i].Load(); float64(sum) >= q*float64(all) && all > 0 {
			top, low := i/16, uint64(i%16)
			if top <= 5 {
				return time.Duration(1) << top
			}
			return time.Duration(1<<(top-1) | low<<(top-5))
		}
	}
	return 0
}

// run is one run: what was published when, and what has arrived.
type run struct {
	load
	mu      sync.Mutex
	sent    []time.Time // by message
	left    []int       // deliveries that are missing, by message
	seen    []int       // messages, by subscriber
	done    chan struct{}
	latency histogram
}

// got notes n further messages of a subscriber.
func (r *run) got(subscriber, n int) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for range n {
		i := r.seen[subscriber]
		r.seen[subscriber]++
		r.latency.add(now.Sub(r.sent[i]))
		if r.left[i]--; r.left[i] == 0 {
			r.done <- struct{}{}
		}
	}
}

func measure(s system, l load, length time.Duration) (result, error) {
	at := make([]string, s.doors)
	for i := range at {
		var err error
		if at[i], err = address.Free(); err != nil {
			return result{}, err
		}
	}
	cmds := s.command(at)
	for _, cmd := range cmds {
		if err := cmd.Start(); err != nil {
			return result{}, err
		}
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	}
	for _, addr := range at {
		if err := awaitPort(addr); err != nil {
			return result{}, err
		}
	}
	r := &run{load: l, seen: make([]int, l.fanOut), done: make(chan struct{}, 1<<20)}
	c, err := s.connect(at, l, r.got)
	if err != nil {
		return result{}, err
	}
	defer c.close()
	body := []byte(strings.Repeat("x", l.bytes))
	if err := r.publish(c, body, length/4); err != nil { // warm up
		return result{}, err
	}
	r.latency = histogram{}
	before, cpu, begin := len(r.sent), cpuOf(cmds), time.Now()
	if err := r.publish(c, body, length); err != nil {
		return result{}, err
	}
	took, cpu := time.Since(begin), cpuOf(cmds)-cpu
	n := float64((len(r.sent) - before) * l.fanOut)
	return result{p50: r.latency.quantile(0.5), p99: r.latency.quantile(0.99), perCPU: n / cpu.Seconds(), perSecond: n / took.Seconds()}, nil
}

// publish publishes for a while, with as many messages under way as the load says, and waits for all to arrive.
func (r *run) publish(c session, body []byte, length time.Duration) error {
	underWay := 0
	for end := time.Now().Add(length); time.Now().Before(end); {
		for ; underWay < r.window; underWay++ {
			r.mu.Lock()
			r.sent, r.left = append(r.sent, time.Now()), append(r.left, r.fanOut)
			r.mu.Unlock()
			if err := c.publish(body); err != nil {
				return err
			}
		}
		if err := r.await(); err != nil {
			return err
		}
		underWay--
	}
	for ; underWay > 0; underWay-- {
		if err := r.await(); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) await() error {
	select {
	case <-r.done:
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("a message did not arrive at everybody")
	}
}

// cpuOf returns the processor time of processes, which the kernel counts in hundredths of a second.
func cpuOf(cmds []*exec.Cmd) (all time.Duration) {
	for _, cmd := range cmds {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		check(err)
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		all += time.Duration(user+system) * 10 * time.Millisecond
	}
	return all
}

func awaitPort(addr string) error {
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the server did not open " + addr)
}
