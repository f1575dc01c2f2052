package memcache

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

// serve starts the door over the local engine, open to everybody, and returns its address.
func serve(t testing.TB) string {
	t.Helper()
	return serveWith(t, Options{})
}

// serveWith is serve with options of the test.
func serveWith(t testing.TB, o Options) string {
	t.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Gateway = gateway.New(gateway.Options{Engine: local.New(local.Options{}), Plane: plane, Open: true})
	return listen(t, New(o))
}

// listen serves a door until the test ends, and returns its address.
func listen(t testing.TB, d *Door) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := &door.Server{Protocol: d, Budget: d.Budget}
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// memcached starts Debian's memcached, the oracle, and returns its address.
func memcached(t testing.TB, options ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	args := []string{"-u", "nobody", "-l", "127.0.0.1", "-p", fmt.Sprint(addr.Port), "-U", "0", "-t", "1"}
	cmd := exec.Command("memcached", append(args, options...)...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("memcached is one of test/packages.txt: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 500 {
		if nc, err := net.Dial("tcp", addr.String()); err == nil {
			nc.Close()
			return addr.String()
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("memcached does not listen")
	return ""
}

type client struct {
	t  testing.TB
	nc net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &client{t: t, nc: nc, in: bufio.NewReader(nc)}
}

// do sends bytes and returns all answers to them: what comes before that of the mn that is sent behind.
func (c *client) do(send string) string {
	c.t.Helper()
	_ = c.nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.nc.Write([]byte(send + "mn\r\n")); err != nil {
		c.t.Fatal(err)
	}
	var b strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if line == "MN\r\n" {
			return b.String()
		}
		b.WriteString(line)
		if err != nil {
			c.t.Fatalf("%v after %q in answer to %q", err, b.String(), send)
		}
	}
}

func TestText(t *testing.T) {
	c := dial(t, serve(t))
	check := func(send, want string) {
		t.Helper()
		if got := c.do(send); got != want {
			t.Errorf("%q answers %q, want %q", send, got, want)
		}
	}

	check("set k 5 0 3\r\nabc\r\n", "STORED\r\n")
	check("get k x\r\n", "VALUE k 5 3\r\nabc\r\nEND\r\n")
	check("config get cluster\r\n", fmt.Sprintf("CONFIG cluster 0 %d\r\n1\n127.0.0.1|127.0.0.1|%s\n\r\nEND\r\n",
		len("1\n127.0.0.1|127.0.0.1|\n")+len(port(c)), port(c)))
	big := strings.Repeat("x", 1<<20)
	check(fmt.Sprintf("set big 1 0 %d\r\n%s\r\n", len(big), big), "STORED\r\n")
	check("get big\r\n", fmt.Sprintf("VALUE big 1 %d\r\n%s\r\nEND\r\n", len(big), big))
	check(fmt.Sprintf("append big 1 0 %d\r\n%s\r\n", len(big), big), "STORED\r\n")
	check("mg big s\r\n", "HD s2097152\r\n")
	huge := strings.Repeat("x", 6<<20)
	check(fmt.Sprintf("set big 1 0 %d\r\n%s\r\n", len(huge), huge), "SERVER_ERROR object too large for cache\r\n")
	check("get big\r\n", "END\r\n")
	check("flush_all\r\n", "OK\r\n")
	check("get k\r\n", "END\r\n")
}

func port(c *client) string {
	_, p, _ := net.SplitHostPort(c.nc.RemoteAddr().String())
	return p
}

// A client that speaks the binary protocol reads in it, for its own request, that it is not offered.
func TestBinaryIsRefused(t *testing.T) {
	c := dial(t, serve(t))
	_, _ = c.nc.Write([]byte("\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00k"))
	_ = c.nc.SetDeadline(time.Now().Add(20 * time.Second))
	want := "\x81\x00\x00\x00\x00\x00\x00\x83\x00\x00\x00\x52\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00" +
		"the binary protocol is not offered: let the client speak the text or meta protocol"
	if got, err := io.ReadAll(c.in); string(got) != want || err != nil {
		t.Errorf("answers %q, %v", got, err)
	}
}

// The number for cas is one that signed and floating numbers of 64 bits hold exactly.
func TestCASOfEveryClient(t *testing.T) {
	c := dial(t, serve(t))
	for i := range 100 {
		c.do(fmt.Sprintf("set k 0 0 3\r\n%03d\r\n", i))
		words := strings.Fields(c.do("gets k\r\n"))
		if n, err := strconv.ParseUint(words[4], 10, 53); err != nil {
			t.Fatal(n, err)
		}
		if got := c.do("cas k 0 0 1 " + words[4] + "\r\nx\r\n"); got != "STORED\r\n" {
			t.Fatalf("cas with the number of gets is answered %q", got)
		}
	}
}

// Every field that memcached's stats have is there, in the same order.
func TestStats(t *testing.T) {
	ours, theirs := dial(t, serve(t)), dial(t, memcached(t))
	fields := func(c *client, what string) (names []string) {
		c.do("set k 0 0 1\r\nx\r\n")
		for l := range strings.Lines(c.do("stats" + what + "\r\n")) {
			name := strings.Fields(l + " -")[min(1, len(strings.Fields(l))-1)]
			if !strings.HasPrefix(name, "ext_") && !strings.HasPrefix(name, "ssl_") && name != "num_napi_ids" && name != "memory_file" {
				names = append(names, name)
			}
		}
		return names
	}
	for _, what := range []string{"", " settings", " items", " slabs", " sizes", " bogus", " reset", " detail on", " detail", " detail dump"} {
		if a, b := fields(ours, what), fields(theirs, what); !slices.Equal(a, b) {
			t.Errorf("stats%s shows %q, memcached %q", what, a, b)
		}
	}
}

// generator makes requests. %C in them is what the server last told of the key's CAS. Times to live have passed already or are far
// longer than the test takes: the two servers would not see an item expire at the same request.
type generator struct{ *rand.Rand }

func (g generator) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g generator) key() string { return g.pick("a", "b", "c", "n", "m") }

func (g generator) request() (key, send string) {
	key = g.key()
	v := g.pick("", "x", "10", "7", "hello", "9223372036854775807", "99", "abc def", strings.Repeat("y", g.IntN(50)))
	x := g.pick("0", "4000", "0", "-1", "2000000000", "80000")
	noreply := g.pick("", "", "", " noreply")
	data := fmt.Sprintf("%d\r\n%s\r\n", len(v), v)
	flag := func(fs ...string) string {
		out, n := "", g.IntN(4)
		for _, i := range g.Perm(len(fs))[:min(n, len(fs))] {
			out += " " + fs[i]
		}
		return out
	}
	opaque := g.pick("O12", "Oab")
	switch g.IntN(16) {
	case 0:
		return key, "get " + key + g.pick("", " b", " b c zz") + "\r\n"
	case 1:
		return key, "gets " + key + "\r\n"
	case 2:
		return key, g.pick("gat ", "gats ") + g.pick("4000", "0", "abc", "80000") + " " + key + "\r\n"
	case 3, 4:
		return key, fmt.Sprintf("%s %s %s %s %d%s\r\n%s\r\n", g.pick("set", "add", "replace", "append", "prepend", "set"), key, g.pick("0", "7", "4294967295"), x, len(v), noreply, v)
	case 5:
		return key, fmt.Sprintf("cas %s 3 0 %d %s%s\r\n%s\r\n", key, len(v), g.pick("%C", "%C", "1"), noreply, v)
	case 6:
		return key, g.pick("incr ", "decr ") + key + " " + g.pick("1", "5", "100", "abc", "18446744073709551615", "-1") + noreply + "\r\n"
	case 7:
		return key, "touch " + key + " " + g.pick("0", "4000", "abc") + noreply + "\r\n"
	case 8:
		return key, "delete " + key + g.pick("", " 0", " 5", noreply, " 0 noreply") + "\r\n"
	case 9, 10:
		return key, "mg " + key + flag("v", "f", "s", "t", "c", "k", opaque, "q", g.pick("N3000", "R40000"), "T4000") + "\r\n"
	case 11:
		return key, "ms " + key + " " + strings.Replace(data, "\r\n", flag("T0", "T4000", "F9", "c", "k", opaque, "q", "ME", "I", "MA", "N6000", "MP", "MR", "C%C", "C1", "MX", "Fx")+"\r\n", 1)
	case 12:
		return key, "md " + key + flag("q", "I", "T3000", "k", opaque, "C%C", "C1", "Cx") + "\r\n"
	case 13:
		return key, "ma " + key + flag("v", "t", "c", "N0", "J13", "D5", "T4000", "MD", "MI", "k", opaque, "C%C", "C1", "Mx", "Dx", "q") + "\r\n"
	case 14:
		return key, g.pick("bogus\r\n", "\r\n", "get\r\n", "set a\r\n", "set a b 0 1\r\nx\r\n", "set a 0 0 -1\r\n", "incr a\r\n", "touch a\r\n", "version\r\n", "verbosity 1\r\n",
			"verbosity\r\n", "gat 1\r\n", "mg\r\n", "mg a v v\r\n", "mg a !\r\n", "ms a\r\n", "ms a x\r\n", "mg YQ== b v\r\n", "mg !! b\r\n", "delete\r\n", "shutdown\r\n",
			"get "+strings.Repeat("k", 251)+"\r\n", "mg "+strings.Repeat("k", 251)+"\r\n", "set a 0 0 1\r\nxy\r\n", "flush_all abc\r\n", "cas a 0 0 1\r\n", "me zz\r\n")
	}
	return key, g.pick("get n\r\nget m\r\n", "mg a k v\r\nmg b k v q\r\n", "gets a b\r\n")
}

var (
	casFlag  = regexp.MustCompile(` c\d+`)
	casValue = regexp.MustCompile(`(VALUE \S+ \d+ \d+) (\d+)`)
	ttlFlag  = regexp.MustCompile(` t(\d+)`)
)

// plain is an answer without what differs by its nature: CAS and, by a second, times to live.
func plain(s string) string {
	s = casFlag.ReplaceAllStringFunc(s, func(c string) string {
		if c == " c0" {
			return c
		}
		return " c#"
	})
	s = ttlFlag.ReplaceAllString(s, " t#")
	return casValue.ReplaceAllString(s, "$1 #")
}

var (
	sizes   = regexp.MustCompile(` s\d+`)
	padding = regexp.MustCompile(` +\r\n`)
	marks   = regexp.MustCompile(`( [ZXW])+\r\n`)
	length  = regexp.MustCompile(`(VALUE \S+ \d+|VA) \d+`)
)

// unpadded is an answer without lengths, marks of stale items, and spaces at the end of values.
func unpadded(s string) string {
	s = sizes.ReplaceAllString(s, "")
	s = marks.ReplaceAllString(s, "\r\n")
	return padding.ReplaceAllString(length.ReplaceAllString(plain(s), "$1"), "\r\n")
}

func TestDifferential(t *testing.T) {
	// Its own threads would hold items now and then, and it changes what is held otherwise.
	ours, theirs := dial(t, serve(t)), dial(t, memcached(t, "-o", "no_lru_maintainer,no_lru_crawler,no_slab_reassign,no_hashexpand"))
	g := generator{rand.New(rand.NewPCG(7, 7))}
	differ := 0
	for i := range 20_000 {
		key, send := g.request()
		var answers [2]string
		for j, c := range []*client{ours, theirs} {
			cas := "1"
			if strings.Contains(send, "%C") {
				if m := casValue.FindStringSubmatch(c.do("gets " + key + "\r\n")); m != nil {
					cas = m[2]
				}
			}
			answers[j] = c.do(strings.ReplaceAll(send, "%C", cas))
		}
		if _, excused := differs(answers); excused {
			for _, c := range []*client{ours, theirs} {
				for _, k := range []string{"a", "b", "c", "n", "m"} {
					c.do("delete " + k + "\r\n")
				}
			}
			continue
		}
		if plain(answers[0]) != plain(answers[1]) {
			if differ++; differ < 25 {
				t.Errorf("request %d %q\n\tanswers   %q\n\tmemcached %q", i, send, answers[0], answers[1])
			}
		}
	}
}

// Requests beyond what a turn has time for are left for the next one, and answered as if there had been one turn.
func TestALongPipelineTakesTurns(t *testing.T) {
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plane.Change(context.Background(), control.CreateCache{Name: "default"}); err != nil {
		t.Fatal(err)
	}
	e := local.New(local.Options{})
	t.Cleanup(func() { _ = e.Close() })
	d := New(Options{Gateway: gateway.New(gateway.Options{Engine: e, Plane: plane, Open: true}), Cache: "default"})
	s := d.Open(&door.Conn{}, &door.Writer{})
	const requests = 20_000
	in, out, turns := []byte(strings.Repeat("set k 0 0 1\r\nv\r\nget k\r\n", requests)), &door.Writer{}, 0
	for len(in) > 0 {
		turns++
		out = &door.Writer{B: out.B} // begins a turn
		used, err := s.Feed(in, out)
		if in = in[used:]; used == 0 || err != nil && err != door.ErrMore || len(in) > 0 && err == nil {
			t.Fatalf("turn %d took %d bytes and left %d: %v", turns, used, len(in), err)
		}
	}
	if want := strings.Repeat("STORED\r\nVALUE k 0 1\r\nv\r\nEND\r\n", requests); string(out.B) != want {
		t.Errorf("%d bytes of answers, want %d, or others", len(out.B), len(want))
	}
	if turns < 2 {
		t.Error("all was done in one turn")
	}
}
