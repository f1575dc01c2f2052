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
)

// systems returns every server that is installed, with the ways to talk to it.
func systems(hearth string) []system {
	serve := func(args ...string) func(string) *exec.Cmd {
		return func(addr string) *exec.Cmd {
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "ADDR", addr)
			}
			return exec.Command(hearth, append([]string{"serve", "--memcache", "off", "--admin", "off"}, args...)...)
		}
	}
	self, err := os.Executable()
	check(err)
	all := []system{
		{"hearth gRPC", fresh(serve, "--resp", "off", "--listen", "ADDR"), connectHearth},
		{"bare grpc-go", func(addr string) *exec.Cmd { return exec.Command(self, "-bare", addr) }, connectBare},
		{"hearth SSE", fresh(serve, "--resp", "off", "--listen", "ADDR"), connectSSE},
		{"hearth RESP", fresh(serve, "--listen", "127.0.0.1:0", "--resp", "ADDR"), connectRESP},
	}
	if _, err := exec.LookPath("redis-server"); err == nil {
		all = append(all, system{"redis-server", func(addr string) *exec.Cmd {
			_, port, _ := net.SplitHostPort(addr)
			return exec.Command("redis-server", "--port", port, "--save", "", "--appendonly", "no", "--maxclients", "20000")
		}, connectRESP})
	}
	if _, err := exec.LookPath("nats-server"); err == nil {
		all = append(all, system{"nats-server", func(addr string) *exec.Cmd {
			host, port, _ := net.SplitHostPort(addr)
			return exec.Command("nats-server", "-a", host, "-p", port)
		}, connectNATS})
	}
	return all
}

// fresh copies the arguments for each start.
func fresh(serve func(...string) func(string) *exec.Cmd, args ...string) func(string) *exec.Cmd {
	return func(addr string) *exec.Cmd { return serve(append([]string(nil), args...)...)(addr) }
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
func dial(addr string, l load, hello, ends string) (*sockets, error) {
	s := &sockets{}
	for i := range l.fanOut + 1 {
		c, err := net.Dial("tcp", addr)
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

func connectRESP(addr string, l load, got func(int, int)) (session, error) {
	s, err := dial(addr, l, "SUBSCRIBE t\r\n", ":1\r\n")
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

func connectNATS(addr string, l load, got func(int, int)) (session, error) {
	const hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"
	s, err := dial(addr, l, hello+"SUB t 1\r\nPING\r\n", "PONG\r\n")
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

func connectSSE(addr string, l load, got func(int, int)) (session, error) {
	if err := createCache(addr); err != nil {
		return nil, err
	}
	request := "GET /topics/bench/t HTTP/1.1\r\nHost: " + addr + "\r\nAccept: text/event-stream\r\n\r\n"
	s, err := dial(addr, l, request, "\n\n")
	if err != nil {
		return nil, err
	}
	s.frame = func(body []byte) []byte {
		return fmt.Appendf(nil, "POST /topics/bench/t HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", addr, len(body), body)
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
