package resp

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/test/await"
)

// bounded starts a door whose requests have so many bytes, over an open local engine.
func bounded(t *testing.T, most int64) (addr string, b *door.Budget) {
	t.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	eng := local.New(local.Options{BytesMax: 64 << 20})
	b = &door.Budget{Max: most}
	addr = listen(t, New(Options{Gateway: gateway.New(gateway.Options{Engine: eng, Plane: plane, Open: true}), Budget: b}))
	other := dial(t, addr)
	other.do("SET", "k", "v") // makes the cache
	return addr, b
}

// served checks that another client is served, small requests and one of a thousand keys.
func served(t *testing.T, addr, while string) {
	t.Helper()
	c := dial(t, addr)
	if got := c.do("GET", "k"); got != "$1\r\nv\r\n" {
		t.Errorf("%s, GET of others is answered %q", while, got)
	}
	if got := c.do(append([]string{"EXISTS"}, strings.Fields(strings.Repeat("k ", 1000))...)...); got != ":1000\r\n" {
		t.Errorf("%s, EXISTS of others is answered %q", while, got)
	}
	_ = c.nc.Close()
}

// TestArgumentsAreBounded has many clients send commands of many small arguments, all but the last: what refers to the
// arguments counts as their bytes do.
func TestArgumentsAreBounded(t *testing.T) {
	const most, clients, args = 4 << 20, 20, 20_000
	addr, budget := bounded(t, most)
	half := []byte(fmt.Sprintf("*%d\r\n$6\r\nEXISTS\r\n", args+2) + strings.Repeat("$1\r\nk\r\n", args))
	before := heap()
	var conns []*client
	for range clients {
		c := dial(t, addr)
		_ = c.nc.SetDeadline(time.Now().Add(2 * time.Minute))
		_, _ = c.nc.Write(half) // it may be refused meanwhile
		conns = append(conns, c)
		if used := budget.Used(); used > most {
			t.Fatalf("%d bytes are taken of %d", used, most)
		}
	}
	served(t, addr, "while half commands of many arguments wait")
	refused := 0
	for _, c := range conns {
		_, _ = c.nc.Write([]byte("$1\r\nk\r\n"))
		got, _ := c.reply()
		switch string(got) {
		case "-" + errBuffers + "\r\n":
			refused++
		case fmt.Sprintf(":%d\r\n", args+1):
		case "": // the refusal was lost, since more was sent
			refused++
		default:
			t.Errorf("answers %.100q", got)
		}
		_ = c.nc.Close()
	}
	if refused == 0 || refused == clients {
		t.Errorf("%d of %d commands that come to %d bytes each were refused", refused, clients, args*argBytes)
	}
	await.That(t, "nothing is taken", func() bool { return budget.Used() == 0 })
	await.That(t, "the memory is given back", func() bool { return int64(heap())-int64(before) <= most })
}

// TestTransactionsAreBounded has many clients queue what they can and not end it.
func TestTransactionsAreBounded(t *testing.T) {
	const most, clients = 4 << 20, 12
	addr, budget := bounded(t, most)
	before := heap()
	var conns []*client
	for range clients {
		c := dial(t, addr)
		c.do("MULTI")
		for refused := false; !refused; {
			switch got := c.do("SET", "a", strings.Repeat("v", 4000)); got {
			case "+QUEUED\r\n":
			case "-" + errQueuedSpace + "\r\n":
				refused = true
			default:
				t.Fatalf("a queued command is answered %q", got)
			}
		}
		conns = append(conns, c)
	}
	// The first took half of what there was, and gave it back when it was refused: so each of them can.
	if used := budget.Used(); used != 0 {
		t.Errorf("refused transactions keep %d bytes", used)
	}
	for _, c := range conns {
		if got := c.do("SET", "a", "v"); got != "+QUEUED\r\n" {
			t.Errorf("what comes behind is answered %q", got)
		}
		if got := c.do("EXEC"); got != "-EXECABORT Transaction discarded because of previous errors.\r\n" {
			t.Errorf("EXEC is answered %q", got)
		}
	}
	for _, c := range conns {
		c.do("MULTI")
		for range 100 {
			c.do("SET", "a", strings.Repeat("v", 4000))
		}
		if used := budget.Used(); used > most {
			t.Fatalf("%d bytes are taken of %d", used, most)
		}
	}
	await.That(t, "open transactions cost no more than is allowed", func() bool { return int64(heap())-int64(before) <= most+4<<20 })
	c := dial(t, addr)
	for _, call := range [][2]string{{"MULTI", "+OK"}, {"INCR n", "+QUEUED"}, {"GET k", "+QUEUED"}, {"EXEC", "*2\r\n:1\r\n$1\r\nv"}} {
		if got := c.do(strings.Fields(call[0])...); got != call[1]+"\r\n" {
			t.Errorf("while transactions wait, %s of others is answered %q", call[0], got)
		}
	}
	served(t, addr, "while transactions wait")
	for i, c := range conns {
		switch i % 3 {
		case 0:
			c.do("DISCARD")
		case 1:
			c.do("RESET")
		default:
			_ = c.nc.Close()
		}
	}
	await.That(t, "nothing is taken", func() bool { return budget.Used() == 0 })
}

// TestExecOfMany runs a transaction that is too large for its loop, with commands over many keys, as one.
func TestExecOfMany(t *testing.T) {
	addr, budget := bounded(t, 64<<20)
	c := dial(t, addr)
	const keys = 5000
	pairs, names := []string{"MSET"}, []string{"MGET"}
	for i := range keys {
		pairs, names = append(pairs, fmt.Sprint("k", i), fmt.Sprint(i)), append(names, fmt.Sprint("k", i))
	}
	want := fmt.Sprintf("*4\r\n+OK\r\n*%d\r\n", keys)
	for i := range keys {
		v := fmt.Sprint(i)
		want += fmt.Sprintf("$%d\r\n%s\r\n", len(v), v)
	}
	want += fmt.Sprintf(":%d\r\n:0\r\n", keys)
	exists := append([]string{"EXISTS"}, names[1:]...)
	for _, call := range [][]string{{"MULTI"}, pairs, names, append([]string{"DEL"}, names[1:]...), exists} {
		if got := c.do(call...); got[0] != '+' {
			t.Fatalf("%s is answered %q", call[0], got)
		}
	}
	if got := c.do("EXEC"); got != want {
		t.Errorf("EXEC is answered %.100q …, want %.100q …", got, want)
	}
	// The same by itself, in slices.
	if got := c.do(pairs...); got != "+OK\r\n" {
		t.Errorf("MSET of many keys is answered %q", got)
	}
	if got := c.do(exists...); got != fmt.Sprintf(":%d\r\n", keys) {
		t.Errorf("EXISTS of them is answered %q", got)
	}
	await.That(t, "nothing is taken", func() bool { return budget.Used() == 0 })
}

// TestCountsAreBounded asks for more at once than there may be, in each place where a client could keep it.
func TestCountsAreBounded(t *testing.T) {
	addr, budget := bounded(t, 0)
	c := dial(t, addr)
	check := func(want, name string, n int, args ...string) {
		t.Helper()
		call := append([]string{name}, args...)
		for i := range n {
			call = append(call, fmt.Sprint("key", i))
		}
		if got := c.do(call...); got != want+"\r\n" {
			t.Errorf("%s of %d is answered %q", name, n, got)
		}
	}

	check("+OK", "WATCH", watchedMax-1)
	check("+OK", "WATCH", 1)
	check("-"+errWatched, "WATCH", 1)
	if budget.Used() < watchedMax*watchedBytes {
		t.Errorf("watched keys count as %d bytes", budget.Used())
	}
	check("+OK", "UNWATCH", 0)
	await.That(t, "nothing is taken", func() bool { return budget.Used() == 0 })
	check("-"+errNames, "COMMAND", namesMax+1, "INFO")
	check("-"+errNames, "COMMAND", namesMax+1, "DOCS")
	check("-ERR request limit: a command that is done as one names at most 65536 keys", "SUNION", 1<<16+1)
	long := strings.Repeat("n", clientBytesMax+1)
	check("-"+errClientLong, "CLIENT", 0, "SETNAME", long)
	check("-"+errClientLong, "CLIENT", 0, "SETINFO", "LIB-NAME", long)
	check("-"+errClientLong, "HELLO", 0, "2", "SETNAME", long)
	check("-"+errWrongPass, "AUTH", 0, long, "token")
}

// TestUnreadAnswersAreBounded has many clients ask for large answers and read none: those for whose answers there is no memory
// are dropped, others are served, and all of it is given back.
func TestUnreadAnswersAreBounded(t *testing.T) {
	const most, clients = 8 << 20, 30
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := New(Options{Gateway: gateway.New(gateway.Options{Engine: local.New(local.Options{BytesMax: 64 << 20}), Plane: plane, Open: true})})
	answers := &door.Budget{Max: most}
	addr := listenOn(t, &door.Server{Protocol: d, Answers: answers})
	other := dial(t, addr)
	other.do("SET", "k", "v")
	for range 1000 {
		other.do("RPUSH", "l", strings.Repeat("v", 1000))
	}
	before := heap()
	var conns []*client
	for range clients {
		c := dial(t, addr)
		_, _ = c.nc.Write([]byte(strings.Repeat("LRANGE l 0 -1\r\n", 20)))
		conns = append(conns, c)
	}
	closed := func(c *client) bool { // though it has not read anything
		_, err := c.nc.Write([]byte("PING\r\n"))
		return err != nil
	}
	await.That(t, "clients are dropped whose answers find no memory", func() bool {
		if used := answers.Used(); used > most {
			t.Fatalf("%d bytes of answers wait, of %d", used, most)
		}
		n := 0
		for _, c := range conns {
			if closed(c) {
				n++
			}
		}
		return n >= clients-most>>20
	})
	await.That(t, "what those who were dropped had is given back", func() bool { return int64(heap())-int64(before) <= 3*most })
	served(t, addr, "while answers are not read")
	if got := dial(t, addr).do("LRANGE", "l", "0", "-1"); len(got) < 1_000_000 {
		t.Errorf("while answers of others are not read, a client that reads is answered %d bytes, %.80q", len(got), got)
	}
	for _, c := range conns {
		_ = c.nc.Close()
	}
	await.That(t, "nothing is counted", func() bool { return answers.Used() == 0 })
}
