package valkey

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/op"
)

func TestErrors(t *testing.T) {
	e, s := single(t, Options{Timeout: time.Second})
	do(t, e, &op.Set{K: []byte("k"), Value: []byte("v")})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	check := func(ctx context.Context, o op.Op, want hearth.Kind) {
		t.Helper()
		if err := e.Do(ctx, 7, o, &op.Reply{}); hearth.KindOf(err) != want {
			t.Errorf("%v, want kind %d", err, want)
		}
	}
	check(ctx, &op.Get{K: []byte("k")}, hearth.Canceled)
	s.Kill()
	check(context.Background(), &op.Get{K: []byte("k")}, hearth.Unavailable)
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := e.Do(short, 7, &op.Get{K: []byte("k")}, &op.Reply{}); err == nil {
		t.Error("a killed server answers")
	}
	if e.Ready(context.Background()) == nil {
		t.Error("ready without a server")
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	check(context.Background(), &op.Get{K: []byte("k")}, hearth.Internal) // no error has no kind
	if err := e.Ready(context.Background()); err != nil {
		t.Error(err)
	}
	_ = e.Close()
	check(context.Background(), &op.Get{K: []byte("k")}, hearth.Unavailable)
	if _, err := New(Options{}); hearth.KindOf(err) != hearth.Invalid {
		t.Error(err)
	}
}

func TestWrongCredentials(t *testing.T) {
	e, s := single(t, Options{Username: "gate", Password: "wrong", Timeout: 5 * time.Second})
	if _, err := s.Command("ACL", "SETUSER", "gate", "on", ">right", "~h:*", "+@all"); err != nil {
		t.Fatal(err)
	}
	err := e.Ready(context.Background())
	var he *hearth.Error
	if !errors.As(err, &he) || he.Kind != hearth.Unavailable || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("%v", err)
	}
	e = open(t, Options{Addrs: []string{s.Addr}, Username: "gate", Password: "right"})
	do(t, e, &op.Set{K: []byte("k"), Value: []byte("v")})
	do(t, e, &raw{key: "k", commands: [][]string{{"ping"}}})
}

// command says something to a server that must succeed.
func command(t *testing.T, s *fleet.Server, args ...string) {
	t.Helper()
	if _, err := s.Command(args...); err != nil {
		t.Fatal(err)
	}
}

// doIn runs a command that has so much time.
func doIn(e *Engine, limit time.Duration, o op.Op) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return e.Do(ctx, 7, o, &op.Reply{})
}

func TestFullServer(t *testing.T) {
	e, s := single(t, Options{})
	set := &op.Set{K: []byte("k"), Value: []byte("v")}
	do(t, e, set)
	command(t, s, "CONFIG", "SET", "maxmemory", "1")
	begun := newStarting(t, e)
	for _, o := range []op.Op{set, &op.Increment{K: []byte("n"), Amount: 1}, &op.ListPush{K: []byte("l"), Values: keys("x")}} {
		for _, write := range []func() error{
			func() error { return doIn(e, time.Minute, o) },
			func() error { return begun.Do(context.Background(), 7, o, &op.Reply{}) },
		} {
			var full *hearth.Error
			if err := write(); !errors.As(err, &full) || full.Kind != hearth.Limited || full.Limit != hearth.MemoryLimit {
				t.Errorf("%T: %v", o, err)
			}
		}
	}
	if r := do(t, e, &op.Get{K: []byte("k")}); string(r.Value()) != "v" {
		t.Errorf("a full server reads %q", r.Value())
	}
	if f := e.Failures(); f.Full != 6 || f.Unreachable+f.Late != 0 {
		t.Errorf("%+v", f)
	}
	if err := e.Ready(context.Background()); err != nil {
		t.Errorf("a full server is not ready: %v", err)
	}
	command(t, s, "CONFIG", "SET", "maxmemory", "0")
	do(t, e, set)
}

// TestReplica: a replica refuses writes without doing them; they are tried again until it is none, those that count too.
func TestReplica(t *testing.T) {
	e, s := single(t, Options{})
	command(t, s, "REPLICAOF", "127.0.0.1", "1")
	go func() {
		for e.Failures().Repeated == 0 {
			time.Sleep(time.Millisecond)
		}
		_, _ = s.Command("REPLICAOF", "NO", "ONE")
	}()
	if err := doIn(e, time.Minute, &op.Increment{K: []byte("n"), Amount: 1, KeepTTL: true}); err != nil {
		t.Errorf("replica: %v", err)
	}
	if r := do(t, e, &op.Get{K: []byte("n")}); string(r.Value()) != "1" {
		t.Errorf("counted %q", r.Value())
	}
}

// TestStoppedShard has the primary of one of three shards hang: its callers' deadlines hold, the other shards serve as
// before, and nothing piles up, however many callers come.
func TestStoppedShard(t *testing.T) {
	e, c := cluster(t, 0, Options{Timeout: time.Minute}, "--cluster-require-full-coverage", "no")
	begun := newStarting(t, e)
	key := func(shard int) []byte { return keyOfShard(shard, 3) }
	for i := range 3 {
		do(t, e, &op.Set{K: key(i), Value: []byte("v")})
	}
	before := runtime.NumGoroutine()
	pid := c.Servers[0].Pid()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	const callers = 2000
	var late atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if err := doIn(e, 100*time.Millisecond, &op.Get{K: key(0)}); hearth.KindOf(err) == hearth.Timeout {
				late.Add(1)
			} else {
				t.Errorf("a server that hangs: %v", err)
			}
		})
	}
	for i := range 200 {
		do(t, e, &op.Set{K: key(1 + i%2), Value: []byte("w")})
		if err := begun.Do(context.Background(), 7, &op.Get{K: key(1 + i%2)}, &op.Reply{}); err != nil {
			t.Errorf("another shard: %v", err)
		}
	}
	wg.Wait()
	if f := e.Failures(); late.Load() != callers || f.Late < callers {
		t.Errorf("%d of %d callers got their deadline; %+v", late.Load(), callers, f)
	}
	if err := e.Ready(context.Background()); err != nil {
		t.Errorf("not ready with two shards of three: %v", err)
	}
	for end := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before+100; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before %d callers of a server that hangs, %d after", before, callers, runtime.NumGoroutine())
		}
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := doIn(e, time.Minute, &op.Get{K: key(0)}); err != nil {
		t.Errorf("a server that goes on: %v", err)
	}
}

// keyOfShard returns a key of space 7 that the shard has, of as many as Plan.Start gives slots.
func keyOfShard(shard, shards int) []byte {
	for i := 0; ; i++ {
		k := []byte("shard" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
		if int(slotOf(appendKey(nil, 7, k)))*shards/slotCount == shard {
			return k
		}
	}
}

// TestCutOff cuts the way to the server, with connections left open that pass no byte: callers get their deadline, or
// UNAVAILABLE once the engine's own time is over, and all is well when the way is open again. What counts is not done twice.
func TestCutOff(t *testing.T) {
	_, s := single(t, Options{})
	way := newCable(t, s.Addr)
	e := open(t, Options{Addrs: []string{way.addr}, Timeout: time.Second})
	begun := newStarting(t, e)
	get, count := &op.Get{K: []byte("k")}, &op.Increment{K: []byte("n"), Amount: 1, KeepTTL: true}
	do(t, e, count)
	way.cut(true)
	if err := doIn(e, 50*time.Millisecond, get); hearth.KindOf(err) != hearth.Timeout {
		t.Errorf("with a deadline: %v", err)
	}
	var wg sync.WaitGroup
	for _, o := range []op.Op{get, count} {
		for range 20 {
			wg.Go(func() {
				if err := begun.Do(context.Background(), 7, o, &op.Reply{}); hearth.KindOf(err) != hearth.Unavailable {
					t.Errorf("%T without one: %v", o, err)
				}
			})
			wg.Go(func() {
				if err := e.Do(context.Background(), 7, o, &op.Reply{}); hearth.KindOf(err) != hearth.Unavailable {
					t.Errorf("%T without one: %v", o, err)
				}
			})
		}
	}
	wg.Wait()
	if e.Ready(context.Background()) == nil {
		t.Error("ready without a server")
	}
	way.cut(false)
	for end := time.Now().Add(time.Minute); e.Do(context.Background(), 7, get, &op.Reply{}) != nil; {
		if time.Now().After(end) {
			t.Fatal("the way is open and nothing passes")
		}
	}
	if err := e.Ready(context.Background()); err != nil {
		t.Error(err)
	}
	// Each of the 41 was said at most once: what was on its way may have arrived when the way was opened.
	if r := do(t, e, &op.Increment{K: []byte("n"), KeepTTL: true}); r.Int < 1 || r.Int > 41 {
		t.Errorf("41 increments have counted to %d", r.Int)
	}
}

// cable passes the bytes of connections on to a server, unless it is cut.
type cable struct {
	addr string

	mu   sync.Mutex
	open *sync.Cond
	is   bool // cut
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{addr: l.Addr().String()}
	c.open = sync.NewCond(&c.mu)
	t.Cleanup(func() { _ = l.Close(); c.cut(false) })
	go func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer down.Close()
				up, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer up.Close()
				go func() { _, _ = io.Copy(c.through(up), down); _ = up.Close() }()
				_, _ = io.Copy(c.through(down), up)
			}()
		}
	}()
	return c
}

func (c *cable) cut(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.is = is
	c.open.Broadcast()
}

// through returns a writer that waits while the cable is cut.
func (c *cable) through(w io.Writer) io.Writer { return waiting{c, w} }

type waiting struct {
	*cable
	io.Writer
}

func (w waiting) Write(b []byte) (int, error) {
	w.mu.Lock()
	for w.is {
		w.open.Wait()
	}
	w.mu.Unlock()
	return w.Writer.Write(b)
}

// TestChangedCredentials takes a gateway's password away while it runs, and gives it back.
func TestChangedCredentials(t *testing.T) {
	_, s := single(t, Options{})
	password := func(p string) {
		command(t, s, "ACL", "SETUSER", "gate", "reset", "on", ">"+p, "~h:*", "&h:*", "+@all", "-@admin")
	}
	password("old")
	e := open(t, Options{Addrs: []string{s.Addr}, Username: "gate", Password: "old", Timeout: time.Second})
	begun := newStarting(t, e)
	get := &op.Get{K: []byte("k")}
	do(t, e, get)
	password("new") // resets the user: its connections end
	command(t, s, "CLIENT", "KILL", "USER", "gate")
	for _, run := range []func() error{
		func() error { return e.Do(context.Background(), 7, get, &op.Reply{}) },
		func() error { return begun.Do(context.Background(), 7, get, &op.Reply{}) },
		func() error { return e.Ready(context.Background()) },
	} {
		if err := run(); hearth.KindOf(err) != hearth.Unavailable || !strings.Contains(err.Error(), "WRONGPASS") {
			t.Errorf("with a password that was changed: %v", err)
		}
	}
	password("old")
	if err := doIn(e, time.Minute, get); err != nil {
		t.Errorf("with the password back: %v", err)
	}
	if err := e.Ready(context.Background()); err != nil {
		t.Error(err)
	}
}

// A server that is asked over TLS and speaks none is named, and so is what is wrong with it.
func TestServerWithoutTLS(t *testing.T) {
	_, s := single(t, Options{})
	_, err := Connect(Options{Addrs: []string{s.Addr}, TLS: &tls.Config{}})
	if err == nil || !strings.Contains(err.Error(), s.Addr) || !strings.Contains(err.Error(), "does not answer TLS") {
		t.Errorf("got %v", err)
	}
}
