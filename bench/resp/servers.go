package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth/bench/address"
)

// server is one of those that are compared, pinned to the first processor.
type server struct {
	name string
	addr string
	text string // hearth's address for memcached's protocol
	grpc string // a gateway's for gRPC
	cmd  *exec.Cmd

	behind *server // of a gateway; its cost counts too
}

func startAll(binary string) (hearth, redis, memcached *server, err error) {
	ports := make([]string, 3)
	for i := range ports {
		if ports[i], err = address.Free(); err != nil {
			return
		}
	}
	memcachedPath, err := tool("memcached", "memcached")
	if err != nil {
		return
	}
	hearth, err = startHearth(binary, ports[0], ports[1])
	if err != nil {
		return
	}
	redis, err = startRedis("redis-server")
	if err != nil {
		return
	}
	_, port, _ := net.SplitHostPort(ports[2])
	memcached, err = startServer("memcached", ports[2], memcachedPath, "-u", "nobody", "-l", "127.0.0.1", "-p", port, "-t", "1", "-m", "4096",
		"-I", "8m", "-c", "20000", "-U", "0")
	return
}

// startHearth starts hearth for RESP and, unless text is empty, memcached's protocol.
func startHearth(binary, addr, text string) (*server, error) {
	grpc, err := address.Free()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--listen", grpc, "--resp", addr, "--admin", "off", "--max-memory", "4GiB"}
	if text != "" {
		args = append(args, "--memcache", text)
	}
	s, err := startServer("hearth", addr, binary, args...)
	if s != nil {
		s.text = text
	}
	return s, err
}

func startRedis(name string) (*server, error) {
	path, err := tool("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	addr, err := address.Free()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	return startServer(name, addr, path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
}

func startServer(name, addr, path string, args ...string) (*server, error) {
	s := &server{name: name, addr: addr, cmd: exec.Command("taskset", append([]string{"-c", "0", path}, args...)...)}
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		if nc, err := net.Dial("tcp", addr); err == nil {
			nc.Close()
			return s, nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return s, fmt.Errorf("%s does not answer at %s", name, addr)
}

// asMemcached is the same process at its other port.
func (s *server) asMemcached() *server { return &server{name: s.name, addr: s.text, cmd: s.cmd} }

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	if s.behind != nil {
		s.behind.stop()
	}
}

// cpu returns the processor time that the server's threads, and those of the one behind it, have used, in microseconds.
func (s *server) cpu() float64 {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	all := 0.0
	for _, path := range threads {
		b, _ := os.ReadFile(path) // a thread that has ended meanwhile
		if first, _, found := strings.Cut(string(b), " "); found {
			nanos, _ := strconv.ParseFloat(first, 64)
			all += nanos / 1000
		}
	}
	if s.behind != nil {
		all += s.behind.cpu()
	}
	return all
}

// rss returns the server's resident memory in bytes.
func (s *server) rss() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
