package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hearthcache/hearth/bench/address"
	"github.com/hearthcache/hearth/fleet"
)

// The processors: one for gateways, one for servers and the load. With one alone they share it.
const (
	gatewayCPU = 0
	otherCPU   = 1
)

const shards = 3

// side is one of the two that are compared: fleets with so many gateways each.
type side struct {
	gateways int
	systems  []*system
}

func (d *side) start(binary string, keys int) error {
	for range more / d.gateways {
		s, err := startSystem(binary, d.gateways)
		d.systems = append(d.systems, s)
		if err == nil {
			err = s.fill(keys)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *side) stop() {
	for _, s := range d.systems {
		s.stop()
	}
}

// used returns the processor time that the gateways and the servers have used.
func (d *side) used() (gateways, servers time.Duration, err error) {
	for _, s := range d.systems {
		if err := s.used(&gateways, &servers); err != nil {
			return 0, 0, err
		}
	}
	return gateways, servers, nil
}

// system is one fleet: a cluster and the gateways before it.
type system struct {
	dir      string
	cluster  *fleet.Cluster
	gateways []*gateway
}

type gateway struct {
	grpc, resp string
	cmd        *exec.Cmd
}

func startSystem(binary string, gateways int) (s *system, err error) {
	s = &system{}
	if s.dir, err = os.MkdirTemp("", "bench-fleet"); err != nil {
		return s, err
	}
	if s.cluster, err = fleet.StartCluster(s.dir, shards, 0); err != nil {
		return s, err
	}
	for _, one := range s.cluster.Servers {
		if err := pin(one.Pid(), otherCPU); err != nil {
			return s, err
		}
	}
	for range gateways {
		g, err := startGateway(binary, s.cluster.Addrs())
		if g != nil {
			s.gateways = append(s.gateways, g)
		}
		if err != nil {
			return s, err
		}
	}
	return s, s.caches(binary)
}

// startGateway starts a gateway that takes itself to be on a machine with one processor.
func startGateway(binary string, servers []string) (g *gateway, err error) {
	g = &gateway{}
	for _, addr := range []*string{&g.grpc, &g.resp} {
		if *addr, err = address.Free(); err != nil {
			return nil, err
		}
	}
	args := []string{binary, "serve", "--engine", "valkey", "--valkey-addrs", strings.Join(servers, ","),
		"--listen", g.grpc, "--resp", g.resp, "--memcache", "off", "--admin", "off"}
	if runtime.NumCPU() > 1 {
		args = append([]string{"taskset", "-c", strconv.Itoa(gatewayCPU)}, args...)
	}
	g.cmd = exec.Command(args[0], args[1:]...)
	g.cmd.Stderr = os.Stderr
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		nc, err := net.Dial("tcp", g.resp)
		if err == nil {
			return g, nc.Close()
		}
		if time.Now().After(end) {
			return g, err
		}
	}
}

// caches makes the caches, and waits until every gateway knows them.
func (s *system) caches(binary string) error {
	for _, args := range [][]string{
		{"create", plainCache},
		{"create", ruledCache},
		{"set", ruledCache, "collapse=on", "request-rate=100000000"},
	} {
		args = append([]string{"cache"}, append(args, "--endpoint", s.gateways[0].grpc)...)
		if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("hearth %v: %w\n%s", args, err, out)
		}
	}
	for _, g := range s.gateways {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			out, err := exec.Command(binary, "cache", "show", ruledCache, "--endpoint", g.grpc).CombinedOutput()
			if err == nil && strings.Contains(string(out), "100000000") {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("%s does not hear of the caches: %s", g.grpc, out)
			}
		}
	}
	return nil
}

// fill stores every key that reads have to find.
func (s *system) fill(keys int) error {
	for _, cache := range []string{plainCache, ruledCache} {
		c, err := dialRESP(s.gateways[0].resp, cache)
		if err != nil {
			return err
		}
		defer c.Close()
		wishes := make([]wish, 0, keys+hotKeys)
		for n := range keys {
			wishes = append(wishes, wish{Key: filledKey(n), Set: true})
		}
		for n := range hotKeys {
			wishes = append(wishes, wish{Key: hotKey(n), Set: true})
		}
		for together := range slices.Chunk(wishes, 1000) {
			if _, err := c.exchange(together); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *system) stop() {
	for _, g := range s.gateways {
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, g := range s.gateways {
		_ = g.cmd.Wait()
	}
	if s.cluster != nil {
		s.cluster.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

// used adds the processor time that the gateways and the servers have used.
func (s *system) used(gateways, servers *time.Duration) error {
	for _, g := range s.gateways {
		t, err := cpu(g.cmd.Process.Pid)
		if err != nil {
			return err
		}
		*gateways += t
	}
	for _, one := range s.cluster.Servers {
		t, err := cpu(one.Pid())
		if err != nil {
			return err
		}
		*servers += t
	}
	return nil
}

// cpu returns the processor time that a process has used: its own clock, finer than the ticks in /proc.
func cpu(pid int) (time.Duration, error) {
	const schedClock = 2 // the kernel's CPUCLOCK_SCHED: what the scheduler has counted
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &t); err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// pin keeps the threads of a process on one processor.
func pin(pid, processor int) error {
	if runtime.NumCPU() < 2 {
		return nil
	}
	tasks, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	if err != nil {
		return err
	}
	var set unix.CPUSet
	set.Set(processor)
	for _, t := range tasks {
		id, _ := strconv.Atoi(t.Name())
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// pinSelf keeps this process on the processor of the load. Threads that it makes later inherit that.
func pinSelf() error {
	if runtime.NumCPU() > 1 {
		runtime.GOMAXPROCS(1)
	}
	return pin(os.Getpid(), otherCPU)
}
