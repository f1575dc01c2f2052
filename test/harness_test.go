// Package test drives the built binary through every door with real clients. It knows only what a user can see.
package test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the hearth under test; TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hearth-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "hearth")
	build := exec.Command("go", "build", "-o", binary, "../cmd/hearth")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building hearth:", err)
		os.Exit(1)
	}
	code := m.Run()
	sharedCluster.stop()
	os.RemoveAll(dir)
	os.Exit(code)
}

// server is a running `hearth serve` with the addresses of its listeners.
type server struct {
	Listen, RESP, Memcache, Admin string

	domain string // of its certificate; empty is plaintext
	ca     string // the file of the authority to trust, where domain is set

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
	log    *syncBuffer
}

// start runs `hearth serve` on free ports with more arguments and waits until it is ready. It is stopped when the
// test ends.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{Listen: freeAddress(t), RESP: freeAddress(t), Memcache: freeAddress(t), Admin: freeAddress(t)}
	s.run(t, args...)
	t.Cleanup(func() { s.stop(t) })
	return s
}

func (s *server) run(t *testing.T, args ...string) {
	t.Helper()
	all := append([]string{"serve", "--listen", s.Listen, "--resp", s.RESP, "--memcache", s.Memcache, "--admin", s.Admin}, args...)
	s.cmd = exec.Command(binary, all...)
	s.log = &syncBuffer{}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.Env = append(os.Environ(), "HEARTH_CONFIG=")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(exited)
	}(s.cmd)
	if !s.ready() {
		t.Fatalf("hearth was not ready in time; it said:\n%s", s.log)
	}
}

// ready waits until the server answers /readyz, or has ended.
func (s *server) ready() bool {
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case <-s.exited:
			return false
		case <-time.After(5 * time.Millisecond):
		}
		resp, err := s.http().Get(s.url("/readyz"))
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return true
		}
	}
	return false
}

// url returns the address of a path of the HTTP API.
func (s *server) url(path string) string {
	if s.domain == "" {
		return "http://" + s.Listen + path
	}
	return "https://" + s.Listen + path
}

// http returns a client that trusts the server's certificate for its address.
func (s *server) http() *http.Client {
	if s.domain == "" {
		return http.DefaultClient
	}
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(s.ca); err == nil {
		roots.AppendCertsFromPEM(pem)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
}

// stop ends the server as an operator would and fails the test if it does not end.
func (s *server) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		t.Errorf("hearth did not end after SIGTERM; it said:\n%s", s.log)
	}
	if t.Failed() {
		t.Logf("hearth said:\n%s", s.log)
	}
}

// kill ends the server as a crash would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// hearth runs the binary with arguments and returns what it printed and its exit code.
func hearth(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(append(os.Environ(), "HEARTH_CONFIG="), env...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// node runs a script of test/node with arguments and fails the test, with its output, if it fails.
func node(t *testing.T, script string, args ...string) string {
	t.Helper()
	return program(t, "node", "node", append([]string{script}, args...)...)
}

// program runs a program in a folder of test and fails the test, with its output, if it fails.
func program(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// freeAddress returns an address for a server that is about to start. No other test gets it until this one ends, nor does
// an outgoing connection: those begin at 32768, and the servers of fleets at 12000.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(5000+rand.IntN(7000)))
		held, err := net.ListenPacket("udp", addr) // which other tests try as well, and no server uses
		if err != nil {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			t.Cleanup(func() { _ = held.Close() })
			_ = l.Close()
			return addr
		}
		_ = held.Close()
	}
	t.Fatal("no port of loopback is free for a server")
	return ""
}

// syncBuffer collects the output of a process that is still running.
type syncBuffer struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
