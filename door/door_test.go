package door

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// lines is a protocol for tests: each line is answered by itself. "wait" is answered by another goroutine, "bye" ends
// the connection, "fill n" is followed by n bytes that are answered by reference.
type lines struct{}

func (p lines) Open(c *Conn, out *Writer) Session {
	return &lineSession{conn: c, answers: make(chan string, 1)}
}

// shared is lines on a port that serves HTTP/1.1 too.
type shared struct{ lines }

func (p shared) Greeting() string { return "LINES\n" }

type lineSession struct {
	conn    *Conn
	answers chan string
	body    []byte
	have    int
	closed  bool
}

func (s *lineSession) Feed(in []byte, out *Writer) (int, error) {
	used := 0
	for {
		i := bytes.IndexByte(in[used:], '\n')
		if i < 0 {
			return used, nil
		}
		line := string(in[used : used+i])
		used += i + 1
		var n int
		switch {
		case line == "bye":
			return used, io.EOF
		case line == "wait":
			go func() {
				time.Sleep(10 * time.Millisecond) // the session is waiting by then, mostly; sooner is right as well
				s.answers <- "waited\n"
				s.conn.Wake()
			}()
			return used, ErrWait
		case scan(line, "fill %d", &n):
			s.body, s.have = make([]byte, n), 0
			return used, nil
		case scan(line, "refs %d", &n):
			for range n {
				out.B = append(out.B, 'a')
				out.Ref([]byte("bcd"), nil)
			}
		case scan(line, "big %d", &n):
			out.B = append(out.B, bytes.Repeat([]byte{'x'}, n)...)
		}
		out.B = append(append(out.B, line...), '\n')
	}
}

func scan(line, format string, n *int) bool {
	_, err := fmt.Sscanf(line, format, n)
	return err == nil
}

func (s *lineSession) Fill() []byte { return s.body[s.have:] }

func (s *lineSession) Filled(n int, out *Writer) error {
	if s.have += n; s.have == len(s.body) {
		out.B = append(out.B, "<"...)
		out.Ref(s.body, nil)
		out.B = append(out.B, ">\n"...)
		s.body, s.have = nil, 0
	}
	return nil
}

func (s *lineSession) Woken(out *Writer) error {
	select {
	case a := <-s.answers:
		out.B = append(out.B, a...)
		return nil
	default:
		return nil
	}
}

func (s *lineSession) Drain(out *Writer) error {
	out.B = append(out.B, "drain\n"...)
	return io.EOF
}

func (s *lineSession) Closed() {
	if s.closed {
		panic("closed twice")
	}
	s.closed = true
}

// serve starts a server, and returns its address and what stops it.
func serve(t testing.TB, s *Server) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		s.Loops.Close()
		if n := s.Limits.Count(); n != 0 {
			t.Errorf("%d connections are still counted", n)
		}
	}
	return l.Addr().String(), stop
}

// certificate returns a TLS configuration for a server, and one for its clients.
func certificate(t testing.TB, protocols ...string) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: protocols}
	return server, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}
}

func talk(t *testing.T, c net.Conn, say string, want ...string) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(c, say) }()
	r := bufio.NewReader(c)
	for _, w := range want {
		got, err := r.ReadString('\n')
		if err != nil || strings.TrimSuffix(got, "\n") != w {
			t.Fatalf("got %.80q (%d bytes), %v; want %.80q (%d bytes)", got, len(got), err, w, len(w))
		}
	}
}

func TestSessions(t *testing.T) {
	check := func(secured bool) {
		s := &Server{Protocol: lines{}}
		dial := func(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }
		if secured {
			var client *tls.Config
			s.TLS, client = certificate(t)
			dial = func(addr string) (net.Conn, error) { return tls.Dial("tcp", addr, client) }
		}
		addr, stop := serve(t, s)
		defer stop()
		try := func(say string, want ...string) {
			t.Helper()
			c, err := dial(addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			talk(t, c, say, want...)
		}

		try("a\nb\n", "a", "b")
		try("a\nwait\nb\nwait\nwait\nc\n", "a", "waited", "b", "waited", "waited", "c")
		try("fill 5\nhelloa\n", "<hello>", "a")
		big := strings.Repeat("y", 3<<20)
		try(fmt.Sprintf("fill %d\n%sa\nfill 2\nhib\n", len(big), big), "<"+big+">", "a", "<hi>", "b")
		long := strings.Repeat("z", InputBytesMax/2)
		try(long+"\n"+long+"\nq\n", long, long, "q")
		many := strings.Repeat("big 100000\n", 100)
		wants := make([]string, 100)
		for i := range wants {
			wants[i] = strings.Repeat("x", 100000) + "big 100000"
		}
		try(many, wants...)

		c, err := dial(addr)
		if err != nil {
			t.Fatal(err)
		}
		talk(t, c, "a\nbye\nb\n", "a")
		if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
			t.Errorf("after the end: %q, %v", rest, err)
		}
	}

	check(false)
	check(true)
}

func TestHalfClose(t *testing.T) {
	addr, stop := serve(t, &Server{Protocol: lines{}})
	defer stop()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "a\nbig 3000000\n")
	_ = c.(*net.TCPConn).CloseWrite()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if got, err := io.ReadAll(c); err != nil || len(got) != 3000000+len("a\nbig 3000000\n") {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// What came together with TLS's last word is answered as well.
func TestHalfCloseTLS(t *testing.T) {
	s := &Server{Protocol: lines{}}
	var config *tls.Config
	s.TLS, config = certificate(t)
	addr, stop := serve(t, s)
	defer stop()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxVersion = tls.VersionTLS12 // whose last word is seen before the record ahead of it is used up
	cork := &corked{Conn: nc}
	c := tls.Client(cork, config)
	defer c.Close()
	talk(t, c, "a\n", "a")
	cork.held = []byte{}
	_, _ = io.WriteString(c, "b\nbig 3000000\n")
	_ = c.CloseWrite()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second)) // crypto/tls allows no more writes
	if _, err := nc.Write(cork.held); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || len(got) != 3000000+len("b\nbig 3000000\n") {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// corked holds what is written once held is set.
type corked struct {
	net.Conn
	held []byte
}

// Write sends or holds p.
func (c *corked) Write(p []byte) (int, error) {
	if c.held == nil {
		return c.Conn.Write(p)
	}
	c.held = append(c.held, p...)
	return len(p), nil
}

// One call of writev takes some dozens of segments; the rest must follow although the socket was never full.
func TestManyReferences(t *testing.T) {
	addr, stop := serve(t, &Server{Protocol: lines{}})
	defer stop()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	talk(t, c, "refs 1000\nhello\n", strings.Repeat("abcd", 1000)+"refs 1000", "hello")
	talk(t, c, "refs 100\n", strings.Repeat("abcd", 100)+"refs 100")
}

// Heads and references leave in as few TLS records as hold them, whole at every size.
func TestRecords(t *testing.T) {
	s := &Server{Protocol: lines{}}
	var config *tls.Config
	s.TLS, config = certificate(t)
	s.TLS.DynamicRecordSizingDisabled = true
	addr, stop := serve(t, s)
	defer stop()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	records := &recordCounter{Conn: nc}
	c := tls.Client(records, config)
	defer c.Close()
	talk(t, c, "a\n", "a")

	check := func(say, want string) {
		t.Helper()
		before := records.count
		talk(t, c, say+"\n", want+say)
		size := len(want) + len(say) + 1
		if got, most := records.count-before, (size+recordBytes-1)/recordBytes; got != most {
			t.Errorf("%s: %d bytes took %d records, want %d", say, size, got, most)
		}
	}
	for _, n := range []int{1, 2, 100, recordBytes/4 - 3, recordBytes / 4, 3 * recordBytes / 4} {
		check(fmt.Sprintf("refs %d", n), strings.Repeat("abcd", n))
	}
	for _, n := range []int{1, recordBytes - 20, recordBytes - 1, recordBytes, recordBytes + 1, 3*recordBytes - 1, 3 * recordBytes, 1 << 20} {
		check(fmt.Sprintf("big %d", n), strings.Repeat("x", n))
	}
}

// recordCounter counts the TLS records that come.
type recordCounter struct {
	net.Conn
	count int
	head  []byte
	body  int // bytes that belong to the record
}

// Read counts what it reads.
func (r *recordCounter) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	for in := p[:n]; len(in) > 0; {
		if r.body > 0 {
			m := min(r.body, len(in))
			r.body, in = r.body-m, in[m:]
			continue
		}
		if r.head, in = append(r.head, in[0]), in[1:]; len(r.head) == 5 {
			r.body, r.head = int(r.head[3])<<8|int(r.head[4]), nil
			r.count++
		}
	}
	return n, err
}

// What waits for a slow reader costs what it holds, however it is cut up.
func TestQueueHoldsWhatItHas(t *testing.T) {
	c := &Conn{}
	head, value := make([]byte, 30), make([]byte, 4096)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 {
		c.enqueue(head, nil, false)
		c.enqueue(value, held{}, false)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("a queue of 1000 heads and references took %d bytes", got)
	}
	if want := 1000 * (len(head) + len(value)); c.queued != want {
		t.Errorf("%d bytes are queued, want %d", c.queued, want)
	}
}

type held struct{}

func (held) Release() {}

func TestTooMuchInput(t *testing.T) {
	addr, stop := serve(t, &Server{Protocol: lines{}})
	defer stop()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = c.Write(bytes.Repeat([]byte{'x'}, 4*InputBytesMax)) }()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, _ := io.Copy(io.Discard, c); n != 0 {
		t.Errorf("%d bytes answered", n)
	}
}

func TestSharedPort(t *testing.T) {
	check := func(secured bool) {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %v", r.Proto, body, r.TLS != nil)
		})
		s := &Server{Protocol: shared{}, HTTP: h}
		scheme := "http"
		tr := &http.Transport{}
		if secured {
			s.TLS, tr.TLSClientConfig = certificate(t, "http/1.1", "h2")
			tr.TLSClientConfig.NextProtos = []string{"http/1.1"}
			scheme = "https"
		}
		addr, stop := serve(t, s)
		defer stop()
		for range 3 {
			res, err := (&http.Client{Transport: tr}).Post(scheme+"://"+addr+"/", "text/plain", strings.NewReader("hi"))
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if want := fmt.Sprintf("HTTP/1.1 hi %v", secured); string(got) != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		tr.CloseIdleConnections()
		if secured {
			return
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "LIN")
		time.Sleep(20 * time.Millisecond) // half a line is read by itself
		talk(t, c, "ES\na\n", "LINES", "a")
	}

	check(false)
	check(true)
}

func TestDrain(t *testing.T) {
	s := &Server{Protocol: lines{}}
	addr, stop := serve(t, s)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	talk(t, c, "a\n", "a")
	go stop()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if got, err := io.ReadAll(c); string(got) != "drain\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestLimits(t *testing.T) {
	s := &Server{Protocol: lines{}, Limits: &Limits{Max: 1}}
	addr, stop := serve(t, s)
	defer stop()
	first, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	talk(t, first, "a\n", "a")
	second, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_ = second.SetDeadline(time.Now().Add(5 * time.Second))
	if n, err := io.Copy(io.Discard, second); n != 0 || (err != nil && !strings.Contains(err.Error(), "reset")) {
		t.Errorf("a connection beyond the limit: %d bytes, %v", n, err)
	}
	talk(t, first, "b\n", "b")

	l := &Limits{}
	if !l.Claim("c", 1) || l.Claim("c", 1) {
		t.Error("a cache's limit is not kept")
	}
	l.Disclaim("c")
	if !l.Claim("c", 1) {
		t.Error("a claim is not given back")
	}
}

// guests is lines whose peers are strangers until they say something.
type guests struct{ lines }

func (p guests) Open(c *Conn, out *Writer) Session {
	c.Guest()
	return guestSession{p.lines.Open(c, out).(*lineSession)}
}

type guestSession struct{ *lineSession }

func (s guestSession) Feed(in []byte, out *Writer) (int, error) {
	s.conn.Known()
	return s.lineSession.Feed(in, out)
}

// TestGuestsAreShownTheDoor ends the connection of a peer that does not sign in, and not that of one which has.
func TestGuestsAreShownTheDoor(t *testing.T) {
	addr, stop := serve(t, &Server{Protocol: guests{}, GuestMax: 500 * time.Millisecond})
	defer stop()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		return c
	}
	answered := func(c net.Conn) bool {
		_, _ = io.WriteString(c, "hi\n")
		got := make([]byte, 3)
		_, err := io.ReadFull(c, got)
		return err == nil
	}
	known := dial()
	for !answered(known) { // this machine was too slow
		known = dial()
	}
	defer known.Close()
	stranger := dial()
	defer stranger.Close()
	if n, err := stranger.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a stranger reads %d bytes, %v", n, err)
	}
	if !answered(known) {
		t.Error("a client that has signed in is not answered, once its time as a stranger would have passed")
	}
}
