package resp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/test/await"
)

// garbage sends bytes and returns what comes back until the connection ends or a moment has passed.
func garbage(t *testing.T, addr string, send []byte) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(3 * time.Second))
	go func() { _, _ = nc.Write(send) }()
	var b bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := nc.Read(buf)
		b.Write(buf[:n])
		if err != nil || b.Len() > 1<<20 {
			return b.String()
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAbuse(t *testing.T) {
	addr := serve(t)
	other := dial(t, addr)
	before := heap()
	check := func(name string, send []byte, want string) {
		t.Helper()
		if got := garbage(t, addr, send); !strings.HasPrefix(got, want) || (want == "" && got != "") {
			t.Errorf("%s is answered %.100q, want %q", name, got, want)
		}
		if got := other.do("PING"); got != "+PONG\r\n" {
			t.Errorf("after %s, others are answered %q", name, got)
		}
	}

	check("a web page's POST", []byte("POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n"), "")
	check("a wrong header", []byte("*1\r\nPING\r\n"), "-ERR Protocol error: expected '$', got 'P'\r\n")
	check("a huge array", []byte("*1048577\r\n"), "-ERR Protocol error: invalid multibulk length\r\n")
	check("a huge bulk", []byte("*1\r\n$536870913\r\n"), "-ERR Protocol error: invalid bulk length\r\n")
	check("a huge line", bytes.Repeat([]byte("a"), 70<<10), "-ERR Protocol error: too big inline request\r\n")
	check("zeros", make([]byte, 70<<10), "-ERR Protocol error: too big inline request\r\n")
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}

// Headers that announce much cost nothing until it comes.
func TestAnnouncedOnly(t *testing.T) {
	addr := serve(t)
	before := heap()
	for range 50 {
		c := dial(t, addr)
		_, _ = c.nc.Write([]byte("*2\r\n$4\r\nECHO\r\n$536870912\r\nabc"))
	}
	dial(t, addr).do("PING")
	time.Sleep(50 * time.Millisecond) // the headers have been read, mostly: later ones cost no more
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("50 headers of 512 MB cost %d bytes", grown)
	}
}

func TestMillionArguments(t *testing.T) {
	c := dial(t, serve(t))
	const n = 1 << 20
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n$6\r\nEXISTS\r\n", n)
	c.do("SET", "k", "v")
	b.WriteString(strings.Repeat("$1\r\nk\r\n", n-1))
	go func() { _, _ = c.nc.Write(b.Bytes()) }()
	_ = c.nc.SetDeadline(time.Now().Add(60 * time.Second))
	if raw, _ := c.reply(); string(raw) != fmt.Sprintf(":%d\r\n", n-1) {
		t.Errorf("answers %q", raw)
	}
}

// A million requests at once are all answered, in order, while a reader takes the answers.
func TestMillionPipelined(t *testing.T) {
	c := dial(t, serve(t))
	const n = 1_000_000
	_ = c.nc.SetDeadline(time.Now().Add(60 * time.Second))
	go func() { _, _ = c.nc.Write(bytes.Repeat([]byte("INCR n\r\n"), n)) }()
	for i := 1; i <= n; i++ {
		if raw, v := c.reply(); v.Int != int64(i) {
			t.Fatalf("answer %d is %q", i, raw)
		}
	}
}

// A client that never reads is not served further than its answers fit, and costs no more than that.
func TestNeverReads(t *testing.T) {
	addr := serve(t)
	c := dial(t, addr)
	c.do("SET", "k", strings.Repeat("x", 60<<10))
	before := heap()
	_ = c.nc.SetWriteDeadline(time.Now().Add(2 * time.Second))
	for range 200 {
		if _, err := c.nc.Write(bytes.Repeat([]byte("GET k\r\n"), 1000)); err != nil {
			break
		}
	}
	if grown := int64(heap()) - int64(before); grown > 32<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	if got := dial(t, addr).do("PING"); got != "+PONG\r\n" {
		t.Errorf("others are answered %q", got)
	}
}

// Values beyond what is read at once go both ways whole.
func TestLargeValues(t *testing.T) {
	c := dial(t, serve(t))
	// The first of them makes the default cache.
	for _, n := range []int{300_000, 10_000, 63 << 10, 64 << 10, 100_000, 1 << 20, 4_900_000} {
		v := strings.Repeat("abcdefghij", n/10+1)[:n]
		if got := c.do("SET", "k", v); got != "+OK\r\n" {
			t.Fatalf("SET of %d bytes answers %.100q", n, got)
		}
		if got := c.do("GET", "k"); got != fmt.Sprintf("$%d\r\n%s\r\n", n, v) {
			t.Errorf("GET of %d bytes answers %d bytes, %.50q", n, len(got), got)
		}
		if got := c.do("STRLEN", "k"); got != fmt.Sprintf(":%d\r\n", n) {
			t.Errorf("STRLEN answers %q", got)
		}
	}
	if got := c.do("SET", "k", strings.Repeat("x", 6_000_000)); !strings.HasPrefix(got, "-ERR ") {
		t.Errorf("SET of 6 MB answers %.100q", got)
	}
	if got := c.do("PING"); got != "+PONG\r\n" {
		t.Errorf("PING answers %q", got)
	}
}

// A request of many arguments takes as much memory as has arrived of it, up to a bound of its own and one for all of them.
func TestRequestsOfManyArgumentsAreBounded(t *testing.T) {
	addr := serve(t)
	// send begins a request that announces a gigabyte, and sends so much of it.
	send := func(size int) *client {
		c := dial(t, addr)
		_ = c.nc.SetDeadline(time.Now().Add(2 * time.Minute))
		part := []byte(strings.Repeat("$1024\r\n"+strings.Repeat("k", 1024)+"\r\n", 1<<10))
		_, _ = c.nc.Write([]byte("*1048576\r\n$6\r\nEXISTS\r\n"))
		for sent := 0; sent < size; sent += len(part) {
			if _, err := c.nc.Write(part); err != nil {
				break // it was refused
			}
		}
		return c
	}

	if raw, _ := send(70 << 20).reply(); string(raw) != "-"+errRequest+"\r\n" {
		t.Errorf("a request of a gigabyte is answered %q", raw)
	}
	const many = 6
	before := heap()
	var conns []*client
	for range many {
		conns = append(conns, send(60<<20))
	}
	if grown := int64(heap()) - int64(before); grown > 300<<20 {
		t.Errorf("%d requests of 60 MiB that never end cost %d MiB", many, grown>>20)
	}
	for _, c := range conns[4:] {
		if raw, _ := c.reply(); string(raw) != "-"+errBuffers+"\r\n" {
			t.Errorf("one that finds no memory is answered %q", raw)
		}
	}
	if got := dial(t, addr).do("PING"); got != "+PONG\r\n" {
		t.Errorf("others are answered %q", got)
	}
}

// One large value that a request names many times over is not multiplied without a bound.
func TestAnswersAreBounded(t *testing.T) {
	c := dial(t, serve(t))
	v := strings.Repeat("x", 1<<20)
	c.do("SET", "k", v)
	c.do("HSET", "h", "f", v)
	call := func(n int, name string, args ...string) string {
		for range n {
			args = append(args, args[len(args)-1])
		}
		return c.do(append([]string{name}, args...)...)
	}
	check := func(name string, args ...string) {
		t.Helper()
		if got := call(9, name, args...); len(got) < 10<<20 || got[0] != '*' {
			t.Errorf("%s of ten MiB answers %d bytes, %.50q", name, len(got), got)
		}
		if got := call(99, name, args...); !strings.HasPrefix(got, "-ERR request limit: the answer is larger than ") {
			t.Errorf("%s of a hundred MiB answers %d bytes, %.50q", name, len(got), got)
		}
	}

	check("MGET", "k")
	check("HMGET", "h", "f")
}

// TestRepeatsAreBounded asks for elements that may repeat, more than there is room for.
func TestRepeatsAreBounded(t *testing.T) {
	c := dial(t, serve(t))
	v := strings.Repeat("x", 1<<20)
	c.do("SADD", "s", v)
	c.do("HSET", "h", "f", v)
	c.do("ZADD", "z", "1", v)
	c.do("RPUSH", "l", v, v)
	const large = "-ERR request limit: the answer is larger than "
	for _, x := range []struct{ call, want string }{
		{"SRANDMEMBER s -9223372036854775807", "-ERR value is out of range"},
		{"HRANDFIELD h -9223372036854775807", "-ERR value is out of range"},
		{"ZRANDMEMBER z -1048577", "-ERR value is out of range"},
		{"SRANDMEMBER s -100", large},
		{"HRANDFIELD h -100 WITHVALUES", large},
		{"ZRANDMEMBER z -100", large},
		{"SORT l ALPHA" + strings.Repeat(" GET #", 100), large},
		{"SORT l ALPHA STORE to" + strings.Repeat(" GET #", 100), large},
		{"HGETEX h FIELDS 100" + strings.Repeat(" f", 100), large},
		{"EXISTS to", ":0"},
	} {
		if got := c.do(strings.Fields(x.call)...); !strings.HasPrefix(got, x.want) {
			t.Errorf("%.40s answers %.80q, want %q", x.call, got, x.want)
		}
	}
}

// held is an engine whose waiting commands wait until release is closed.
type held struct {
	*local.Engine
	entered chan struct{}
	release chan struct{}
}

func (h held) Do(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	if m, ok := o.(op.Multi); ok && len(m.Keys()) > 100 {
		h.entered <- struct{}{}
		<-h.release
	}
	return h.Engine.Do(ctx, s, o, r)
}

func (h held) DoAll(ctx context.Context, s hearth.Space, os []op.Op, rs []op.Reply) {
	h.entered <- struct{}{}
	<-h.release
	h.Engine.DoAll(ctx, s, os, rs)
}

// A command that looks at very many keys leaves its loop, whose other connections are answered meanwhile, and counts all.
func TestManyKeysLeaveOthersTheirTurns(t *testing.T) {
	for _, name := range []string{"EXISTS", "TOUCH", "MGET", "UNLINK", "DEL"} {
		plane, err := control.NewPlane(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		h := held{local.New(local.Options{}), make(chan struct{}, 1), make(chan struct{})}
		g := gateway.New(gateway.Options{Engine: h, Plane: plane, Open: true})
		addr := listenOn(t, &door.Server{Protocol: New(Options{Gateway: g}), Loops: &door.Loops{Count: 1}})
		other, c := dial(t, addr), dial(t, addr)
		other.do("MSET", "k1", "a", "k2", "b")

		args := append([]string{name, "k1"}, slices.Repeat([]string{"nk"}, 9998)...)
		answer := make(chan string, 1)
		go func() { answer <- c.do(append(args, "k2")...) }()
		select {
		case <-h.entered:
		case got := <-answer:
			t.Fatalf("%s of many keys was run in its loop, and answered %.20q", name, got)
		}
		if got := other.do("PING"); got != "+PONG\r\n" {
			t.Errorf("%s: another connection is answered %q", name, got)
		}
		close(h.release)
		want := ":2\r\n"
		if name == "MGET" {
			want = "*10000\r\n$1\r\na\r\n" + strings.Repeat("$-1\r\n", 9998) + "$1\r\nb\r\n"
		}
		if got := <-answer; got != want {
			t.Errorf("%s of many keys is answered %.40q, want %.40q", name, got, want)
		}
	}
}

// The value of a large SET that comes behind other commands, while those are gathered, goes to its final place, too.
func TestLargeValueBehindGatheredCommands(t *testing.T) {
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Engine: local.New(local.Options{}), Plane: plane, Open: true})
	d := New(Options{Gateway: g})
	addr := listenOn(t, &door.Server{Protocol: d, Loops: &door.Loops{Count: 1}})
	dial(t, addr).do("SET", "the default cache", "is there")
	set := func(key string, value []byte) []byte {
		return fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$1\r\n%s\r\n$%d\r\n%s\r\n", key, len(value), value)
	}
	small, large := bytes.Repeat([]byte("s"), 40_000), bytes.Repeat([]byte("large"), 400_000)
	first, second := set("a", small), set("b", large)

	for _, cut := range []int{20, 40, 1000, 200_000, len(second) - 3, len(second) - 2, len(second) - 1} {
		c := dial(t, addr)
		send := func(b []byte) {
			if _, err := c.nc.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		send(first[:20_000])
		await.That(t, "a half request is gathered", func() bool { return d.Budget.Used() > 0 })
		send(append(bytes.Clone(first[20_000:]), second[:cut]...))
		if cut >= 40 && cut < len(second)-2 {
			await.That(t, "what has arrived of the large value is nowhere gathered", func() bool { return d.Budget.Used() == 0 })
		}
		send(second[cut:])
		send([]byte("*1\r\n$4\r\nPING\r\n"))
		for _, want := range []string{"+OK\r\n", "+OK\r\n", "+PONG\r\n"} {
			if got, _ := c.reply(); string(got) != want {
				t.Fatalf("cut at %d: %q, want %q", cut, got, want)
			}
		}
		if got := c.do("GET", "b"); got != fmt.Sprintf("$%d\r\n%s\r\n", len(large), large) {
			t.Fatalf("cut at %d: another value of %d bytes is stored", cut, len(got))
		}
		if got := c.do("STRLEN", "a"); got != ":40000\r\n" {
			t.Fatalf("cut at %d: STRLEN is %q", cut, got)
		}
		c.do("DEL", "a", "b")
	}
	await.That(t, "no budget is kept", func() bool { return d.Budget.Used() == 0 })
}

// A command that names very many channels is refused in a word, and subscribes to none of them.
func TestSubscribesToMillion(t *testing.T) {
	addr := serve(t)
	c := dial(t, addr)
	const many = 1_000_000
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n$9\r\nSUBSCRIBE\r\n", many+1)
	for i := range many {
		fmt.Fprintf(&b, "$8\r\nch%06d\r\n", i)
	}
	go func() { _, _ = c.nc.Write(b.Bytes()) }()
	if got, _ := c.reply(); string(got) != "-"+errSubscriptions+"\r\n" {
		t.Errorf("the answer is %.100q", got)
	}
	if got := c.do("PING"); got != "+PONG\r\n" {
		t.Errorf("after that, PING is answered %q", got)
	}
}
