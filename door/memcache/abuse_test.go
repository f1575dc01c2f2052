package memcache

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/test/await"
)

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func grown(before uint64) int64 { return int64(heap()) - int64(before) }

// What is no request is refused, costs little, and harms nobody else.
func TestAbuse(t *testing.T) {
	addr := serve(t)
	other := dial(t, addr)
	other.do("set k 0 0 1\r\nv\r\n")
	before := heap()
	check := func(name string, send []byte, want string) {
		t.Helper()
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
		go func() { _, _ = nc.Write(send) }()
		got := make([]byte, len(want))
		if n, err := readFull(nc, got); string(got[:n]) != want {
			t.Errorf("%s is answered %.100q, %v; want %q", name, got[:n], err, want)
		}
		if got := other.do("get k\r\n"); got != "VALUE k 0 1\r\nv\r\nEND\r\n" {
			t.Errorf("after %s, others are answered %q", name, got)
		}
	}

	check("a web page's request", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "ERROR\r\nERROR\r\nERROR\r\n")
	check("RESP", []byte("*1\r\n$4\r\nPING\r\n"), "ERROR\r\nERROR\r\nERROR\r\n")
	check("an endless line", bytes.Repeat([]byte("a"), 4<<20), "CLIENT_ERROR line too long\r\n")
	check("zeros", make([]byte, 4<<20), "")
	check("a million keys", append(append([]byte("get"), bytes.Repeat([]byte(" k"), 1_000_000)...), '\r', '\n'), "")
	check("a header of 512 MB", []byte("set k 0 0 536870912\r\nabc"), "")
	check("a length beyond all", []byte("set k 0 0 99999999999999999999\r\n"), "CLIENT_ERROR bad command line format\r\n")
	check("a data block without its end", []byte("set x 0 0 1\r\nabcdef\r\nmn\r\n"), "CLIENT_ERROR bad data chunk\r\nERROR\r\nMN\r\n")
	if n := grown(before); n > 16<<20 {
		t.Errorf("the heap has grown by %d bytes", n)
	}
}

func readFull(nc net.Conn, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = nc.Read(p[n:])
		n += m
	}
	return n, err
}

// Headers that announce as much as fits cost nothing until it comes.
func TestAnnouncedOnly(t *testing.T) {
	addr := serve(t)
	before := heap()
	for range 50 {
		c := dial(t, addr)
		_, _ = c.nc.Write([]byte("set k 0 0 5000000\r\nabc"))
	}
	dial(t, addr).do("get k\r\n")
	if n := grown(before); n > 16<<20 {
		t.Errorf("50 headers of 5 MB cost %d bytes", n)
	}
}

// TestArrivingValuesAreBounded has many clients send values, all but the end: of kinds that have no better place than a buffer.
func TestArrivingValuesAreBounded(t *testing.T) {
	const most, clients, size = 8 << 20, 30, 1_000_000
	budget := &door.Budget{Max: most}
	addr := serveWith(t, Options{Budget: budget})
	for range 20 { // refused for their size, they take nothing
		c := dial(t, addr)
		_, _ = c.nc.Write([]byte("set k 0 0 536870912\r\nabc"))
		c.nc.Close()
	}
	other := dial(t, addr)
	other.do("set k 0 0 1\r\nv\r\n")
	before := heap()
	var conns []*client
	part := strings.Repeat("v", size-1)
	for i := range clients {
		c := dial(t, addr)
		command := []string{"append x 0 0 1000000\r\n", "prepend x 0 0 1000000\r\n"}[i%2]
		_, _ = c.nc.Write([]byte(command + part))
		conns = append(conns, c)
		if used := budget.Used(); used > most {
			t.Fatalf("%d bytes are taken of %d", used, most)
		}
	}
	if got := other.do("get k\r\n"); got != "VALUE k 0 1\r\nv\r\nEND\r\n" {
		t.Errorf("while half values wait, others are answered %q", got)
	}
	refused := 0
	for _, c := range conns {
		switch got := c.do("v\r\n"); got {
		case errBuffers + "\r\n":
			refused++
		case "HD\r\n", "STORED\r\n", "NOT_STORED\r\n":
		default:
			t.Errorf("a value is answered %.100q", got)
		}
		if got := c.do("get k\r\n"); got != "VALUE k 0 1\r\nv\r\nEND\r\n" {
			t.Errorf("after its value, a client is answered %q", got)
		}
	}
	if refused == 0 || refused == clients {
		t.Errorf("%d of %d values were refused", refused, clients)
	}
	if used := budget.Used(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
	other.do("delete x\r\n")
	await.That(t, "the memory is given back", func() bool { return grown(before) <= 2*most }) // beside the values there is what the cache and the connections have made meanwhile
}

// TestHalfLinesAreBounded has many clients name keys of a get without an end, in lines as long as those may be.
func TestHalfLinesAreBounded(t *testing.T) {
	const most = 4 << 20
	budget := &door.Budget{Max: most}
	addr := serveWith(t, Options{Budget: budget})
	line := []byte("get" + strings.Repeat(" k", getBytesMax/2-2))
	for range 40 {
		c := dial(t, addr)
		_, _ = c.nc.Write(line)
		if used := budget.Used(); used > most {
			t.Fatalf("%d bytes are taken of %d", used, most)
		}
		defer c.nc.Close()
	}
	await.That(t, "half lines count", func() bool { return budget.Used() > most/2 })
	if got := dial(t, addr).do("get k\r\n"); got != "END\r\n" {
		t.Errorf("others are answered %q", got)
	}
}

// A million requests at once are all answered, in order.
func TestMillionPipelined(t *testing.T) {
	c := dial(t, serve(t))
	const n = 1_000_000
	c.do("set n 0 0 1\r\n0\r\n")
	_ = c.nc.SetDeadline(time.Now().Add(60 * time.Second))
	go func() { _, _ = c.nc.Write(bytes.Repeat([]byte("incr n 1\r\n"), n)) }()
	for i := 1; i <= n; i++ {
		if line, err := c.in.ReadString('\n'); err != nil || line != fmt.Sprintf("%d\r\n", i) {
			t.Fatalf("answer %d is %q, %v", i, line, err)
		}
	}
}

// A client that never reads is not served further than its answers fit.
func TestNeverReads(t *testing.T) {
	addr := serve(t)
	c := dial(t, addr)
	c.do(fmt.Sprintf("set k 0 0 %d\r\n%s\r\n", 60<<10, strings.Repeat("x", 60<<10)))
	before := heap()
	_ = c.nc.SetWriteDeadline(time.Now().Add(2 * time.Second))
	for range 200 {
		if _, err := c.nc.Write(bytes.Repeat([]byte("get k\r\n"), 1000)); err != nil {
			break
		}
	}
	await.That(t, "the memory is given back", func() bool { return grown(before) <= 32<<20 })
	if got := dial(t, addr).do("mn\r\n"); got != "" {
		t.Errorf("others are answered %q", got)
	}
}

// TestAnswersAreBounded names one value so often that the answer would be larger than one may be: it is sent in parts, as the
// client takes it, and costs no more than one of them where the client takes nothing.
func TestAnswersAreBounded(t *testing.T) {
	addr := serve(t)
	c := dial(t, addr)
	const length = 4 << 10 // copied: a larger value is sent from where it lies
	value := fmt.Sprintf("VALUE k 0 %d\r\n%s\r\n", length, strings.Repeat("x", length))
	c.do(fmt.Sprintf("set k 0 0 %d\r\n%s\r\n", length, strings.Repeat("x", length)))
	get := func(times int) string { return "get" + strings.Repeat(" k", times) + "\r\n" }
	before := heap()
	for range 20 {
		_, _ = dial(t, addr).nc.Write([]byte(get(hearth.AnswerBytesMax/length + 1)))
	}
	const times = 1000
	if got := c.do(get(times) + "get k\r\n"); got != strings.Repeat(value, times)+"END\r\n"+value+"END\r\n" {
		t.Errorf("the answer has %d bytes and ends with %.80q", len(got), got[max(0, len(got)-80):])
	}
	await.That(t, "the memory is given back", func() bool { return grown(before) <= 64<<20 })
}
