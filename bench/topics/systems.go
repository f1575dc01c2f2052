package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/hearthcache/hearth/bench/address"
)

// systems returns every server that is installed, with the ways to talk to it.
func systems(hearth string) []system {
	self, err := os.Executable()
	check(err)
	alone := func(args ...string) func([]string) []*exec.Cmd {
		return func(at []string) []*exec.Cmd { return []*exec.Cmd{serve(hearth, at[0], args...)} }
	}
	all := []system{
		{"hearth gRPC", 1, alone("--resp", "off", "--listen", "ADDR"), connectHearth},
		{"bare grpc-go", 1, func(at []string) []*exec.Cmd { return one(self, "-bare", at[0]) }, connectBare},
		{"hearth SSE", 1, alone("--resp", "off", "--listen", "ADDR"), connectSSE},
		{"hearth RESP", 1, alone("--listen", "127.0.0.1:0", "--resp", "ADDR"), connectRESP},
	}
	if _, err := exec.LookPath("redis-server"); err == nil {
		all = append(all,
			system{"two gateways gRPC", 2, fleet(hearth, "--resp", "off", "--listen", "ADDR"), connectHearth},
			system{"two gateways RESP", 2, fleet(hearth, "--listen", "127.0.0.1:0", "--resp", "ADDR"), connectRESP},
			system{"redis-server", 1, func(at []string) []*exec.Cmd { return []*exec.Cmd{redis(at[0])} }, connectRESP})
	}
	if _, err := exec.LookPath("nats-server"); err == nil {
		all = append(all, system{"nats-server", 1, func(at []string) []*exec.Cmd {
			host, port, _ := net.SplitHostPort(at[0])
			return one("nats-server", "-a", host, "-p", port)
		}, connectNATS})
	}
	return all
}

func one(name string, args ...string) []*exec.Cmd { return []*exec.Cmd{exec.Command(name, args...)} }

// serve is hearth at an address, which stands for ADDR in args.
func serve(hearth, addr string, args ...string) *exec.Cmd {
	all := []string{"serve", "--memcache", "off", "--admin", "off"}
	for _, arg := range args {
		all = append(all, strings.ReplaceAll(arg, "ADDR", addr))
	}
	return exec.Command(hearth, all...)
}

// fleet is gateways with a redis-server behind them.
func fleet(hearth string, args ...string) func(at []string) []*exec.Cmd {
	return func(at []string) []*exec.Cmd {
		behind, err := address.Free()
		check(err)
		cmds := []*exec.Cmd{redis(behind)}
		for _, addr := range at {
			cmds = append(cmds, serve(hearth, addr, append(args[:len(args):len(args)], "--engine", "valkey", "--valkey-addrs", behind)...))
		}
		return cmds
	}
}

func redis(addr string) *exec.Cmd {
	_, port, _ := net.SplitHostPort(addr)
	return exec.Command("redis-server", "--port", port, "--save", "", "--appendonly", "no", "--maxclients", "20000")
}

// sockets is a session of plain connections.
type sockets struct {
	publisher net.Conn
	frame     func(body []byte) []byte
	after     func() error // reads what the publisher is answered
	subs      []net.Conn
}

func (s *sockets) publish(body []byte) error {
	if _, err := s.publisher.Write(s.frame(body)); err != nil || s.after == nil {
		return err
	}
	return s.after()
}

func (s *sockets) close() {
	s.publisher.Close()
	for _, c := range s.subs {
		c.Close()
	}
}

// dial connects a publisher and subscribers, each of which says hello and waits for an answer that ends as told.
func dial(at []string, l load, hello, ends string) (*sockets, error) {
	s := &sockets{}
	for i := range l.fanOut + 1 {
		c, err := net.Dial("tcp", at[i%len(at)])
		if err != nil {
			return nil, err
		}
		if i == 0 {
			s.publisher = c
			continue
		}
		s.subs = append(s.subs, c)
		if _, err := io.WriteString(c, hello); err != nil {
			return nil, err
		}
	}
	for _, c := range s.subs {
		if err := readUntil(c, ends); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func readUntil(c net.Conn, ends string) error {
	var all []byte
	for b := make([]byte, 1); !bytes.HasSuffix(all, []byte(ends)); all = append(all, b[0]) {
		if _, err := c.Read(b); err != nil {
			return fmt.Errorf("%w after %q", err, all)
		}
	}
	return nil
}

// countBytes reads a stream of messages that are all equally long.
func countBytes(c net.Conn, length int, got func(n int)) {
	b, have := make([]byte, 16<<10), 0
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		if have += n; have >= length {
			got(have / length)
			have %= length
		}
	}
}

func connectRESP(at []string, l load, got func(int, int)) (session, error) {
	s, err := dial(at, l, "SUBSCRIBE t\r\n", ":1\r\n")
	if err != nil {
		return nil, err
	}
	s.frame = func(body []byte) []byte {
		return fmt.Appendf(nil, "*3\r\n$7\r\nPUBLISH\r\n$1\r\nt\r\n$%d\r\n%s\r\n", len(body), body)
	}
	answers := bufio.NewReader(s.publisher)
	s.after = func() error {
		line, err := answers.ReadString('\n')
		if err == nil && !strings.HasPrefix(line, ":") {
			err = fmt.Errorf("PUBLISH answered %q", line)
		}
		return err
	}
	length := len(fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$1\r\nt\r\n$%d\r\n\r\n", l.bytes)) + l.bytes
	for i, c := range s.subs {
		go countBytes(c, length, func(n int) { got(i, n) })
	}
	return s, nil
}

func connectNATS(at []string, l load, got func(int, int)) (session, error) {
	const hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"
	s, err := dial(at, l, hello+"SUB t 1\r\nPING\r\n", "PONG\r\n")
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(s.publisher, hello+"PING\r\n"); err != nil {
		return nil, err
	}
	if err := readUntil(s.publisher, "PONG\r\n"); err != nil {
		return nil, err
	}
	s.frame = func(body []byte) []byte { return fmt.Appendf(nil, "PUB t %d\r\n%s\r\n", len(body), body) }
	length := len(fmt.Sprintf("MSG t 1 %d\r\n\r\n", l.bytes)) + l.bytes
	for i, c := range s.subs {
		go countBytes(c, length, func(n int) { got(i, n) })
	}
	return s, nil
}

func connectSSE(at []string, l load, got func(int, int)) (session, error) {
	if err := createCache(at); err != nil {
		return nil, err
	}
	request := "GET /topics/bench/t HTTP/1.1\r\nHost: " + at[0] + "\r\nAccept: text/event-stream\r\n\r\n"
	s, err := dial(at, l, request, "\n\n")
	if err != nil {
		return nil, err
	}
	s.frame = func(body []byte) []byte {
		return fmt.Appendf(nil, "POST /topics/bench/t HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", at[0], len(body), body)
	}
	answers := bufio.NewReader(s.publisher)
	s.after = func() error {
		r, err := http.ReadResponse(answers, nil)
		if err == nil && r.StatusCode != http.StatusNoContent {
			err = fmt.Errorf("publish answered %s", r.Status)
		}
		return err
	}
	for i, c := range s.subs {
		go countEvents(c, func(n int) { got(i, n) })
	}
	return s, nil
}

// countEvents counts the empty lines that end events; what carries them has none of its own.
func countEvents(c net.Conn, got func(n int)) {
	b, last := make([]byte, 16<<10), byte(0)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		events := bytes.Count(b[:n], []byte("\n\n"))
		if last == '\n' && b[0] == '\n' {
			events++
		}
		if last = b[n-1]; events > 0 {
			got(events)
		}
	}
}
