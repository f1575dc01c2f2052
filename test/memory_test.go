package test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a server may hold beyond --max-memory, and keep when its items are gone.
const allowance = 64 << 20

// proc reads a number of /proc about the server.
func (s *server) proc(t *testing.T, file string, find func(string) (int64, bool)) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, file))
	if err != nil {
		t.Fatal(err)
	}
	n, ok := find(string(b))
	if !ok {
		t.Fatalf("%s says %q", file, b)
	}
	return n
}

// rss returns the server's resident memory, or what it was at most (VmRSS, VmHWM).
func (s *server) rss(t *testing.T, field string) int64 {
	t.Helper()
	return s.proc(t, "status", func(text string) (int64, bool) {
		_, rest, ok := strings.Cut(text, field+":")
		f := strings.Fields(rest)
		if !ok || len(f) == 0 {
			return 0, false
		}
		n, err := strconv.ParseInt(f[0], 10, 64)
		return n << 10, err == nil
	})
}

// ticks returns the processor time that the server has used, in hundredths of a second.
func (s *server) ticks(t *testing.T) int64 {
	t.Helper()
	return s.proc(t, "stat", func(text string) (int64, bool) {
		f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(f) < 13 {
			return 0, false
		}
		user, err := strconv.ParseInt(f[11], 10, 64)
		system, err2 := strconv.ParseInt(f[12], 10, 64)
		return user + system, err == nil && err2 == nil
	})
}

// pipe is a RESP connection that says many commands before it reads the answers.
type pipe struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	buf  bytes.Buffer
	sent int
}

func dial(t *testing.T, s *server) *pipe {
	conn, err := net.Dial("tcp", s.RESP)
	if err != nil {
		t.Error(err)
		return nil
	}
	return &pipe{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// say queues a command. The answers are read when enough has been queued.
func (p *pipe) say(args ...[]byte) {
	fmt.Fprintf(&p.buf, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&p.buf, "$%d\r\n", len(a))
		p.buf.Write(a)
		p.buf.WriteString("\r\n")
	}
	if p.sent++; p.sent >= 256 || p.buf.Len() > 64<<10 {
		p.flush()
	}
}

// flush sends what is queued and reads an answer of one line for each command.
func (p *pipe) flush() {
	if _, err := p.conn.Write(p.buf.Bytes()); err != nil {
		p.t.Error(err)
	}
	p.buf.Reset()
	if p.buf.Cap() > 1<<20 {
		p.buf = bytes.Buffer{}
	}
	for ; p.sent > 0; p.sent-- {
		line, err := p.r.ReadSlice('\n')
		if err != nil {
			p.t.Error(err)
			p.sent = 0
			return
		}
		if line[0] != '+' && line[0] != ':' {
			p.t.Errorf("answer %q", line)
		}
	}
}

// count asks for a number.
func (s *server) count(t *testing.T, args ...string) (n int) {
	t.Helper()
	p := dial(t, s)
	defer p.conn.Close()
	fmt.Fprintf(p.conn, "%s\r\n", strings.Join(args, " "))
	if _, err := fmt.Fscanf(p.r, ":%d\r\n", &n); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return n
}

// fill lets connections say n commands together, each of which command makes of a number.
func (s *server) fill(t *testing.T, connections, n int, command func(p *pipe, rng *rand.Rand, i int)) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range connections {
		wg.Go(func() {
			p := dial(t, s)
			if p == nil {
				return
			}
			defer p.conn.Close()
			rng := rand.New(rand.NewPCG(uint64(w), 3))
			for i := w; i < n && !t.Failed(); i += connections {
				command(p, rng, i)
			}
			p.flush()
		})
	}
	wg.Wait()
}

// within fails the test if the server ever held more than it may.
func (s *server) within(t *testing.T, bound int64, when string) {
	t.Helper()
	most := s.rss(t, "VmHWM")
	t.Logf("%-32s at most %3d MiB resident, now %3d", when, most>>20, s.rss(t, "VmRSS")>>20)
	if most > bound+allowance {
		t.Fatalf("%s: %d MiB were resident; the bound is %d MiB and %d", when, most>>20, bound>>20, allowance>>20)
	}
}

// soak skips the longer variants unless they are asked for, as make soak does.
func soak(t *testing.T) {
	if os.Getenv("HEARTH_SOAK") == "" {
		t.Skip("long: make soak sets HEARTH_SOAK")
	}
}

func text(prefix string, i int) []byte { return strconv.AppendInt([]byte(prefix), int64(i), 10) }

// TestMemoryStaysWithinTheBound fills a server in every way that is hard for a store, by fifty connections at once.
func TestMemoryStaysWithinTheBound(t *testing.T) {
	const connections, bound = 50, int64(256 << 20)
	s := start(t, "--max-memory", strconv.FormatInt(bound, 10))
	body := make([]byte, 5_000_000)
	rand.NewChaCha8([32]byte{1}).Read(body)
	set, ttl := []byte("SET"), []byte("PX")

	s.fill(t, connections, int(3*bound/1000), func(p *pipe, _ *rand.Rand, i int) {
		p.say(set, text("fill:", i), body[:960])
	})
	s.within(t, bound, "a fill to three times the bound")

	s.fill(t, connections, 6000, func(p *pipe, rng *rand.Rand, i int) {
		switch value := mixed(body, rng); i % 3 {
		case 0:
			p.say(set, text("mix:", i), value)
		case 1:
			p.say(set, text("mix:", i), value, []byte("EX"), []byte("1000"))
		case 2:
			p.say([]byte("SETEX"), text("mix:", i), []byte("1000"), value)
		}
	})
	s.within(t, bound, "a mix of 10 B to 5 MB")

	s.mixByGRPC(t, connections, 6000, body)
	s.within(t, bound, "the same by gRPC")

	for range 2 {
		s.fill(t, connections, int(bound/600), func(p *pipe, _ *rand.Rand, i int) {
			p.say(set, text("short:", i), body[:500], ttl, []byte("500"))
		})
		time.Sleep(time.Second) // all of it expires
	}
	s.within(t, bound, "mass expiry and refill")

	s.fill(t, connections, 200_000, func(p *pipe, _ *rand.Rand, i int) {
		if i%200 == 0 {
			p.say([]byte("FLUSHDB"))
		}
		p.say(set, text("flush:", i), body[:400])
	})
	s.within(t, bound, "a thousand flushes under load")

	s.fill(t, connections, 200_000, func(p *pipe, _ *rand.Rand, i int) {
		p.say([]byte("HSET"), []byte("large"), text("f", i), body[:500])
	})
	if n := s.count(t, "HLEN", "large"); n != 200_000 {
		t.Errorf("the dictionary has %d fields", n)
	}
	s.within(t, bound, "a dictionary of 100 million bytes")

	s.fill(t, connections, 2_000_000, func(p *pipe, _ *rand.Rand, i int) {
		p.say([]byte("HSET"), text("d", i%20_000), text("f", i), body[:8])
	})
	s.within(t, bound, "two million fields")
}

// mixed returns a beginning of body, of 10 bytes to nearly all of it.
func mixed(body []byte, rng *rand.Rand) []byte {
	size := min(10<<rng.IntN(20), len(body)-200)
	if size > 1<<20 && rng.IntN(4) > 0 {
		size = 4000
	}
	return body[:size+rng.IntN(100)]
}

// mixByGRPC lets connections store n values of all sizes together.
func (s *server) mixByGRPC(t *testing.T, connections, n int, body []byte) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range connections {
		c := s.dial(t)
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 4))
			for i := w; i < n && !t.Failed(); i += connections {
				if err := c.Cache("default").Set(t.Context(), text("mix:", i), mixed(body, rng), time.Hour); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// settles waits until the server is back near what it held when it was empty, without asking it anything.
func (s *server) settles(t *testing.T, empty int64, what string) {
	t.Helper()
	began := time.Now()
	for s.rss(t, "VmRSS") > empty+allowance {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d MiB are resident 10 s after items were %s; an empty server has %d", s.rss(t, "VmRSS")>>20, what, empty>>20)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("%s: back at %d MiB (empty: %d) after %v", what, s.rss(t, "VmRSS")>>20, empty>>20, time.Since(began).Round(time.Millisecond))
}

func TestMemoryComesBack(t *testing.T) { comesBack(t, 500_000) }

func TestSoakMemoryComesBack(t *testing.T) {
	soak(t)
	comesBack(t, 1_050_000)
}

// comesBack fills a server and lets its items go. The memory is the system's again without a request, and the idle
// server uses no processor time.
func comesBack(t *testing.T, items int) {
	s := start(t, "--max-memory", "2GiB")
	empty := s.rss(t, "VmRSS")
	body := make([]byte, 1000)
	store := func(more ...[]byte) {
		s.fill(t, 50, items, func(p *pipe, _ *rand.Rand, i int) {
			p.say(append([][]byte{[]byte("SET"), text("k", i), body}, more...)...)
		})
		if got := s.rss(t, "VmRSS"); got < int64(items)*1000 {
			t.Fatalf("only %d MiB are resident when it is full", got>>20)
		}
	}
	store()
	p := dial(t, s)
	p.say([]byte("FLUSHDB"))
	p.flush()
	p.conn.Close()
	s.settles(t, empty, "flushed")

	at := time.Now().Add(10 * time.Second)
	store([]byte("PXAT"), strconv.AppendInt(nil, at.UnixMilli(), 10))
	time.Sleep(time.Until(at))
	s.settles(t, empty, "expired")

	time.Sleep(4 * time.Second) // what was counted last is handed over, and then all is quiet
	before := s.ticks(t)
	time.Sleep(3 * time.Second)
	if used := s.ticks(t) - before; used > 1 {
		t.Errorf("an idle server used %d ms of processor time in 3 s", used*10)
	}
}
