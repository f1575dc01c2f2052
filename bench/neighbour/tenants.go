package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// line is a RESP connection signed in to a cache, used by blocking calls of one thread.
type line struct {
	file *os.File // keeps fd open
	fd   int
	in   []byte
}

func dial(addr, cache string) (*line, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	f, err := nc.(*net.TCPConn).File()
	if err != nil {
		return nil, err
	}
	l := &line{file: f, fd: int(f.Fd())} // Fd makes it blocking
	if _, err := l.ask(request("AUTH", cache, "x")); err != nil {
		return nil, fmt.Errorf("AUTH: %w", err)
	}
	return l, nil
}

func (l *line) close() { l.file.Close() }

func request(words ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b
}

func (l *line) send(b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(l.fd, b)
		if err != nil && err != syscall.EINTR {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}

// ask sends a request and waits for its answer: whether it was a value, or OK.
func (l *line) ask(b []byte) (found bool, err error) {
	if err := l.send(b); err != nil {
		return false, err
	}
	l.in = l.in[:0]
	for {
		found, whole, err := answer(l.in)
		if whole || err != nil {
			return found, err
		}
		l.in = append(l.in, make([]byte, 2*valueBytes)...)
		n, err := syscall.Read(l.fd, l.in[len(l.in)-2*valueBytes:])
		if n == 0 && err == nil {
			err = errors.New("the connection was closed")
		}
		if err != nil && err != syscall.EINTR {
			return false, err
		}
		l.in = l.in[:len(l.in)-2*valueBytes+max(n, 0)]
	}
}

// answer reads one reply at the front of b, if it is whole.
func answer(b []byte) (found, whole bool, err error) {
	end := bytes.IndexByte(b, '\n')
	if end < 1 {
		return false, false, nil
	}
	switch head := string(b[1 : end-1]); b[0] {
	case '+':
		return true, true, nil
	case '$':
		n, err := strconv.Atoi(head)
		return n >= 0, n < 0 || len(b) >= end+1+n+2, err
	default:
		return false, true, errors.New(head)
	}
}

func quietKey(i int) string { return fmt.Sprintf("key-%05d", i) }

var quietValue = strings.Repeat("v", valueBytes)

// fill stores all that tenant B reads.
func fill(addr string) error {
	l, err := dial(addr, "quiet")
	if err != nil {
		return err
	}
	defer l.close()
	for i := range quietKeys {
		if _, err := l.ask(request("SET", quietKey(i), quietValue)); err != nil {
			return fmt.Errorf("SET: %w", err)
		}
	}
	return nil
}

// count returns how many of tenant B's keys are gone.
func count(addr string) (lost int, err error) {
	l, err := dial(addr, "quiet")
	if err != nil {
		return 0, err
	}
	defer l.close()
	for i := range quietKeys {
		found, err := l.ask(request("GET", quietKey(i)))
		if err != nil {
			return 0, fmt.Errorf("GET: %w", err)
		}
		if !found {
			lost++
		}
	}
	return lost, nil
}

// reader is one connection of tenant B.
type reader struct {
	stage     *stage
	line      *line
	random    *rand.Rand
	samples   []sample
	processor time.Duration
}

func newReader(s *stage, addr string, seed uint64, length time.Duration) (*reader, error) {
	l, err := dial(addr, "quiet")
	if err != nil {
		return nil, err
	}
	r := &reader{stage: s, line: l, random: rand.New(rand.NewPCG(seed, 1)), samples: make([]sample, len(s.blocks))}
	each := int(length.Seconds()/float64(len(s.blocks))*quietRate/quietConns) + quietRate
	for i := range r.samples {
		r.samples[i].times = make([]time.Duration, 0, each)
	}
	return r, nil
}

// run reads through the cache at a steady pace until the stage has ended.
//
// A request's time begins when it was due where the answer to the one before it came later than that, so that a stall
// counts for all that it holds up; else when it was sent, since only this thread is late then.
func (r *reader) run() error {
	defer r.line.close()
	defer pin(&r.processor)()
	const every = time.Second * quietConns / quietRate
	answered := time.Now()
	for due := answered.Add(time.Duration(r.random.Int64N(int64(every)))); ; due = due.Add(every) {
		sleepUntil(due)
		block := r.stage.now.Load()
		if block == ended {
			return nil
		}
		began := time.Now()
		if answered.After(due) {
			began = due
		}
		key := quietKey(r.random.IntN(quietKeys))
		found, err := r.line.ask(request("GET", key))
		if err != nil {
			return fmt.Errorf("GET: %w", err)
		}
		answered = time.Now()
		s := &r.samples[block]
		s.times = append(s.times, answered.Sub(began))
		if found {
			s.hits++
			continue
		}
		s.misses++
		if _, err := r.line.ask(request("SET", key, quietValue)); err != nil {
			return fmt.Errorf("SET: %w", err)
		}
	}
}

// writer is one connection of tenant A.
type writer struct {
	stage     *stage
	line      *line
	worker    int
	in        [16 << 10]byte
	offered   int
	answered  int
	admitted  int // an answer that two reads share may be missed
	processor time.Duration
}

func newWriter(s *stage, addr string, worker int) (*writer, error) {
	l, err := dial(addr, "noisy")
	if err != nil {
		return nil, err
	}
	return &writer{stage: s, line: l, worker: worker}, nil
}

const (
	answersTogether = 32 // requests between two looks at the answers
	idleSleep       = 5 * time.Millisecond
)

// run writes in the noisy blocks: one request after another at a steady pace, whatever becomes of them.
func (w *writer) run() error {
	defer w.line.close()
	defer pin(&w.processor)()
	yield()
	const every = time.Second * noisyConns / noisyRate
	b := request("SET", fmt.Sprintf("noise-%d-%09d", w.worker, 0), strings.Repeat("n", valueBytes))
	at := bytes.Index(b, []byte("noise-")) + len("noise-0-")
	due := time.Now()
	for {
		block := w.stage.now.Load()
		if block == ended {
			return w.drain(true)
		}
		if !w.stage.blocks[block].noisy {
			if err := w.drain(true); err != nil {
				return err
			}
			due = time.Now().Add(idleSleep)
			sleepUntil(due)
			continue
		}
		sleepUntil(due)
		copy(b[at:], fmt.Sprintf("%09d", w.offered))
		if err := w.line.send(b); err != nil {
			return err
		}
		due = due.Add(every)
		if w.offered++; w.offered%answersTogether == 0 {
			if err := w.drain(false); err != nil {
				return err
			}
		}
	}
}

// drain counts the answers that have come; with all it waits until none is missing.
func (w *writer) drain(all bool) error {
	flags := syscall.MSG_DONTWAIT
	if all {
		flags = 0
	}
	for w.answered < w.offered {
		n, _, err := syscall.Recvfrom(w.line.fd, w.in[:], flags)
		switch {
		case err == syscall.EAGAIN:
			return nil
		case err == syscall.EINTR:
		case err != nil:
			return err
		case n == 0:
			return errors.New("A's connection was closed")
		}
		w.answered += bytes.Count(w.in[:max(n, 0)], []byte("\n"))
		w.admitted += bytes.Count(w.in[:max(n, 0)], []byte("+OK"))
	}
	return nil
}
