package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
)

// binary is the hearth that the tests and the examples talk to; TestMain builds it, and starts one for all.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hearth-client-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "hearth")
	build := exec.Command("go", "build", "-o", binary, "../cmd/hearth")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	s, err := serve(freeAddress())
	if err != nil {
		panic(err)
	}
	os.Setenv("HEARTH_ENDPOINT", s.addr)
	os.Unsetenv("HEARTH_KEY")
	os.Unsetenv("MOMENTO_API_KEY")
	code := m.Run()
	s.kill()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

type server struct {
	addr string
	cmd  *exec.Cmd
	said string // the file with what it has printed
}

// held keeps the addresses that freeAddress has given until the process ends.
var held struct {
	mu  sync.Mutex // guards all
	all []net.PacketConn
}

// freeAddress returns an address for a server that is about to start. No other test gets it, here or in package test,
// which tries the same ports by UDP, nor does an outgoing connection: those begin at 32768.
func freeAddress() string {
	for range 1000 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(5000+rand.IntN(7000)))
		u, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			held.mu.Lock()
			defer held.mu.Unlock()
			held.all = append(held.all, u)
			return addr
		}
		_ = u.Close()
	}
	panic("no port of loopback is free for a server")
}

func serve(addr string, more ...string) (*server, error) {
	said, err := os.CreateTemp(filepath.Dir(binary), "said")
	if err != nil {
		return nil, err
	}
	defer said.Close()
	args := append([]string{"serve", "--listen", addr, "--resp", "off", "--memcache", "off", "--admin", "off"}, more...)
	s := &server{addr: addr, cmd: exec.Command(binary, args...), said: said.Name()}
	s.cmd.Env = append(os.Environ(), "HEARTH_CONFIG=")
	s.cmd.Stdout, s.cmd.Stderr = said, said
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	c, err := client.New(client.Options{Endpoint: addr})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for err := c.Ping(ctx); err != nil && hearth.KindOf(err) != hearth.Unauthenticated; err = c.Ping(ctx) {
		if ctx.Err() != nil {
			s.kill()
			return nil, ctx.Err()
		}
		time.Sleep(5 * time.Millisecond)
	}
	return s, nil
}

// kill ends the server as a crash would.
func (s *server) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	_ = s.cmd.Wait()
}

// rootKey returns the key that a server with --auth prints when it starts for the first time.
func (s *server) rootKey(t *testing.T) string {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(s.said)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "MOMENTO_API_KEY=")
		if line, _, whole := strings.Cut(after, "\n"); whole {
			return line
		}
	}
	t.Fatal("the server has printed no root key")
	return ""
}

// own starts a server of the test's own.
func own(t *testing.T, more ...string) *server {
	t.Helper()
	s, err := serve(freeAddress(), more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill() })
	return s
}

// dial returns a client of a server, of the common one where it is empty.
func dial(t testing.TB, addr string) *client.Client {
	t.Helper()
	o := client.FromEnvironment()
	if addr != "" {
		o.Endpoint = addr
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// newCache returns a cache of the test's own, named after it, with settings.
func newCache(t testing.TB, c *client.Client, settings map[string]string) *client.Cache {
	t.Helper()
	name := fmt.Sprintf("%s-%d", filepath.Base(t.Name()), time.Now().UnixNano())
	ctx := context.Background()
	if err := c.CreateCache(ctx, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.DeleteCache(ctx, name) })
	set(t, c, name, settings)
	return c.Cache(name)
}

func set(t testing.TB, c *client.Client, name string, settings map[string]string) {
	t.Helper()
	if len(settings) == 0 {
		return
	}
	if err := c.HTTP(context.Background(), "PATCH", "/admin/caches/"+name, nil, map[string]map[string]string{"settings": settings}, nil); err != nil {
		t.Fatal(err)
	}
}
