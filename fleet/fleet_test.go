package fleet

import (
	"strings"
	"testing"
)

func TestServer(t *testing.T) {
	s, err := Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	if got, err := s.Command("SET", "k", "v"); got != "+OK" || err != nil {
		t.Errorf("SET: %q, %v", got, err)
	}
	if got, err := s.Command("GET", "k"); got != "v" || err != nil {
		t.Errorf("GET: %q, %v", got, err)
	}
	if _, err := s.Command("NOSUCH"); err == nil || !strings.HasPrefix(err.Error(), "ERR unknown command") {
		t.Errorf("NOSUCH: %v", err)
	}
	s.Stop()
	if _, err := s.Command("PING"); err == nil {
		t.Error("a stopped server answers")
	}
	if err := s.Restart(); err != nil {
		t.Error(err)
	}
}

// TestTakenPort starts a server on a port that another server has: the other's answers are not taken for its own.
func TestTakenPort(t *testing.T) {
	first, err := Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Kill()
	second := *first
	if err := second.run(); err == nil || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("a server on the port of another: %v", err)
	}
}

// TestPortsAreHeld has every port given once, also while its server is down.
func TestPortsAreHeld(t *testing.T) {
	seen := map[int]bool{}
	for range 500 {
		port, held, err := reserve()
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		if seen[port] {
			t.Fatalf("%d was given twice", port)
		}
		seen[port] = true
	}
}

func TestCluster(t *testing.T) {
	c, err := StartCluster(t.TempDir(), 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	for _, s := range c.Servers[:3] {
		info, err := s.Command("INFO", "replication")
		if err != nil || !strings.Contains(info, "connected_slaves:1") {
			t.Errorf("primary %s has no replica: %v %s", s.Addr, err, info)
		}
	}
	info, _ := c.Servers[5].Command("CLUSTER", "INFO")
	if !strings.Contains(info, "cluster_slots_ok:16384") || !strings.Contains(info, "cluster_size:3") {
		t.Error(info)
	}
}
