package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/bench/calls"
)

const (
	valueBytes = 100
	largeBytes = 1 << 20
	largeKeys  = 100
)

var (
	value = bytes.Repeat([]byte("v"), valueBytes)
	large = bytes.Repeat([]byte("V"), largeBytes)
)

// load is what is asked of a server: by each connection, pipeline requests at once, then all their answers; or so many gRPC
// calls under way.
type load struct {
	conns, pipeline, keys int
	write                 func(w *bufio.Writer, key int)
	streams               int
	lead                  time.Duration // for how long it is put on the servers before its row begins
}

// run puts the load on a server for a while and returns the operations that were answered and the server's CPU time.
func (l load) run(s *server, length time.Duration) (ops int64, micros float64, took time.Duration, err error) {
	drivers, err := l.connect(s)
	defer func() {
		for _, d := range drivers {
			d.Close()
		}
	}()
	if err != nil {
		return 0, 0, 0, err
	}
	var done atomic.Int64
	var stopped atomic.Bool
	var wg sync.WaitGroup
	failed := make(chan error, len(drivers))
	before, began := s.cpu(), time.Now()
	for _, d := range drivers {
		wg.Go(func() {
			if err := d.Drive(&done, &stopped); err != nil {
				failed <- err
			}
		})
	}
	time.Sleep(length)
	ops, micros, took = done.Load(), s.cpu()-before, time.Since(began)
	stopped.Store(true)
	wg.Wait()
	select {
	case err = <-failed:
	default:
	}
	return ops, micros, took, err
}

// driver is one connection of a load.
type driver interface {
	// Drive asks until stopped is set, and counts the answers in done.
	Drive(done *atomic.Int64, stopped *atomic.Bool) error
	Close()
}

func (l load) connect(s *server) (out []driver, err error) {
	for i := range l.conns {
		rng := rand.New(rand.NewPCG(rand.Uint64(), uint64(i))) // other keys each time
		if l.streams > 0 {
			d, err := calls.Dial(s.grpc, "default", l.streams, getter{l, rng})
			if err != nil {
				return out, err
			}
			out = append(out, d)
			continue
		}
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			return out, err
		}
		out = append(out, &asker{l, nc, rng})
	}
	return out, nil
}

// getter wishes for Gets.
type getter struct {
	load load
	rng  *rand.Rand
}

// Next implements calls.Source.
func (g getter) Next() calls.Wish { return calls.Wish{Key: keyOf(g.rng.IntN(g.load.keys))} }

// Missed implements calls.Source.
func (g getter) Missed([calls.KeyBytes]byte) {}

// asker asks in pipelines.
type asker struct {
	load load
	nc   net.Conn
	rng  *rand.Rand
}

// Close implements driver.
func (a *asker) Close() { a.nc.Close() }

// Drive implements driver.
func (a *asker) Drive(done *atomic.Int64, stopped *atomic.Bool) error {
	l, rng := a.load, a.rng
	w, r := bufio.NewWriterSize(a.nc, 64<<10), bufio.NewReaderSize(a.nc, 64<<10)
	for !stopped.Load() {
		for range l.pipeline {
			l.write(w, rng.IntN(l.keys))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		for range l.pipeline {
			if err := readReply(r); err != nil {
				return err
			}
		}
		done.Add(int64(l.pipeline))
	}
	return nil
}

// readReply reads one answer, of RESP or of memcached's text protocol; a miss or an error is an error.
func readReply(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	switch line[0] {
	case '+', ':', 'S': // OK, a number, STORED
		return nil
	case '$':
		size, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
		if err != nil || size < 0 {
			return fmt.Errorf("a miss: %q", line)
		}
		_, err = r.Discard(size + 2)
		return err
	case 'V': // VALUE key flags size
		fields := bytes.Fields(line)
		size, err := strconv.Atoi(string(fields[3]))
		if err != nil {
			return err
		}
		if _, err = r.Discard(size + 2); err != nil {
			return err
		}
		_, err = r.ReadSlice('\n') // END
		return err
	}
	return fmt.Errorf("the server answered %q", line)
}

func key(n int) string      { return fmt.Sprintf("key:%016d", n) }
func largeKey(n int) string { return fmt.Sprintf("large:%014d", n) }

func respGet(w *bufio.Writer, n int) {
	w.WriteString("*2\r\n$3\r\nGET\r\n$20\r\n")
	writeKey(w, n)
	w.WriteString("\r\n")
}
func respGetLarge(w *bufio.Writer, n int) {
	fmt.Fprintf(w, "*2\r\n$3\r\nGET\r\n$20\r\n%s\r\n", largeKey(n))
}
func textGetLarge(w *bufio.Writer, n int) { fmt.Fprintf(w, "get %s\r\n", largeKey(n)) }

func respSet(w *bufio.Writer, n int) {
	w.WriteString("*3\r\n$3\r\nSET\r\n$20\r\n")
	writeKey(w, n)
	w.WriteString("\r\n$100\r\n")
	w.Write(value)
	w.WriteString("\r\n")
}

func respSetLarge(w *bufio.Writer, n int) {
	fmt.Fprintf(w, "*3\r\n$3\r\nSET\r\n$20\r\n%s\r\n$%d\r\n", largeKey(n), largeBytes)
	w.Write(large)
	w.WriteString("\r\n")
}

func textGet(w *bufio.Writer, n int) {
	w.WriteString("get ")
	writeKey(w, n)
	w.WriteString("\r\n")
}

// writeKey writes key(n) without building it: the generator must cost less than the server.
func writeKey(w *bufio.Writer, n int) {
	b := keyOf(n)
	w.Write(b[:])
}

func keyOf(n int) (b [calls.KeyBytes]byte) {
	copy(b[:], "key:")
	for i := 19; i >= 4; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// fill stores every key on every server.
func (b *bench) fill(overRESP, overText []*server) error {
	for _, s := range overRESP {
		if err := fillOne(s, b.keys, respSet, largeKeys, respSetLarge); err != nil {
			return fmt.Errorf("filling %s: %w", s.name, err)
		}
	}
	set := func(name string, v []byte) func(w *bufio.Writer, n int) {
		return func(w *bufio.Writer, n int) {
			k := key(n)
			if name == "large" {
				k = largeKey(n)
			}
			fmt.Fprintf(w, "set %s 0 0 %d\r\n", k, len(v))
			w.Write(v)
			w.WriteString("\r\n")
		}
	}
	return fillOne(overText[0], b.keys, set("small", value), largeKeys, set("large", large))
}

func fillOne(s *server, keys int, small func(*bufio.Writer, int), larges int, big func(*bufio.Writer, int)) error {
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	w, r := bufio.NewWriterSize(nc, 256<<10), bufio.NewReader(nc)
	for _, part := range []struct {
		n, batch int
		write    func(*bufio.Writer, int)
	}{{keys, 1000, small}, {larges, 1, big}} {
		for n := 0; n < part.n; n += part.batch {
			last := min(part.n, n+part.batch)
			for i := n; i < last; i++ {
				part.write(w, i)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			for range last - n {
				if err := readReply(r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func dialMany(addr string, n int) ([]net.Conn, error) {
	conns := make([]net.Conn, 0, n)
	for range n {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		conns = append(conns, nc)
	}
	return conns, nil
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// fanOut measures what a delivered message costs: one publisher, and 1, 100 or 5,000 subscribers that read all.
func (b *bench) fanOut(servers []*server) error {
	fmt.Println("\n| publish 100 B, subscribers | server | CPU µs per delivery | of the peer's | deliveries/s |\n|---|---|---|---|---|")
	for _, n := range []int{1, 100, 5000} {
		if !b.only.MatchString(fmt.Sprint("publish ", n)) {
			continue
		}
		cpu, rate := map[*server][]float64{}, map[*server][]float64{}
		for range b.rounds {
			for _, s := range servers {
				got, micros, took, err := publish(s, n, b.length)
				if err != nil {
					return fmt.Errorf("%s, %d subscribers: %w", s.name, n, err)
				}
				cpu[s] = append(cpu[s], micros/float64(got))
				rate[s] = append(rate[s], float64(got)/took.Seconds())
			}
		}
		peer := median(cpu[servers[0]])
		for _, s := range servers {
			fmt.Printf("| %d | %s | %.2f | %.2f | %.0f |\n", n, s.name, median(cpu[s]), median(cpu[s])/peer, median(rate[s]))
		}
	}
	return nil
}

// inFlight bounds the messages that are published and not delivered yet, so that no reader falls behind.
const inFlight = 16

// publish publishes for a while, with a bounded number of messages under way, and counts what subscribers get.
func publish(s *server, subscribers int, length time.Duration) (delivered int64, micros float64, took time.Duration, err error) {
	subs, err := dialMany(s.addr, subscribers)
	if err != nil {
		return 0, 0, 0, err
	}
	defer closeAll(subs)
	var got atomic.Int64
	for _, nc := range subs {
		fmt.Fprint(nc, "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n")
		if _, err := io.ReadFull(nc, make([]byte, len("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"))); err != nil {
			return 0, 0, 0, err
		}
		go count(nc, &got)
	}
	pub, err := net.Dial("tcp", s.addr)
	if err != nil {
		return 0, 0, 0, err
	}
	defer pub.Close()
	message := fmt.Appendf(nil, "*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$%d\r\n%s\r\n", len(value), value)
	r := bufio.NewReader(pub)
	before, began := s.cpu(), time.Now()
	sent := int64(0)
	for time.Since(began) < length {
		if _, err := pub.Write(message); err != nil {
			return 0, 0, 0, err
		}
		if err := readReply(r); err != nil {
			return 0, 0, 0, err
		}
		sent += int64(subscribers)
		for got.Load() < sent-inFlight*int64(subscribers) {
			time.Sleep(50 * time.Microsecond)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); got.Load() < sent; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return 0, 0, 0, fmt.Errorf("%d of %d deliveries came", got.Load(), sent)
		}
	}
	return got.Load(), s.cpu() - before, time.Since(began), nil
}

// count counts the messages that come by their size, which is the same for all.
func count(nc net.Conn, got *atomic.Int64) {
	size := len(fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$%d\r\n%s\r\n", len(value), value))
	buf := make([]byte, 16<<10)
	for have := 0; ; {
		n, err := nc.Read(buf)
		if err != nil {
			return
		}
		have += n
		got.Add(int64(have / size))
		have %= size
	}
}
