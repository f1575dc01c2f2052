package test

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hearthcache/hearth/fleet"
)

// starter starts hearth with arguments and says where it listens.
type starter func(t *testing.T, args ...string) *server

// everywhere runs a suite against one process and against a fleet of two.
func everywhere(t *testing.T, suite func(t *testing.T, start starter)) {
	t.Run("local", func(t *testing.T) { suite(t, start) })
	t.Run("fleet", func(t *testing.T) { suite(t, startPair) })
}

// startPair starts two gateways over the cluster, which is empty then. Each connection to one of the addresses goes to the
// other gateway than the one before. What the first one logs is the server's log.
func startPair(t *testing.T, args ...string) *server {
	t.Helper()
	args = append([]string{"--engine", "valkey", "--valkey-addrs", sharedCluster.empty(t)}, args...)
	one, two := start(t, args...), start(t, args...)
	return &server{
		Listen: byTurns(t, one.Listen, two.Listen), RESP: byTurns(t, one.RESP, two.RESP),
		Memcache: byTurns(t, one.Memcache, two.Memcache), Admin: byTurns(t, one.Admin, two.Admin),
		cmd: one.cmd, exited: one.exited, log: one.log,
	}
}

// byTurns returns an address whose connections go on to others, by turns.
func byTurns(t *testing.T, addrs ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var turn atomic.Int64
	go func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			go join(down, addrs[int(turn.Add(1))%len(addrs)])
		}
	}()
	return l.Addr().String()
}

// join passes the bytes of a connection on to an address and back until both ways have ended.
func join(down net.Conn, addr string) {
	defer down.Close()
	up, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer up.Close()
	var ways sync.WaitGroup
	for _, way := range [][2]net.Conn{{up, down}, {down, up}} {
		ways.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].(*net.TCPConn).CloseWrite()
		})
	}
	ways.Wait()
}

// sharedCluster is started by the first test that needs it and stopped by TestMain.
var sharedCluster lazyCluster

// lazyCluster is a cluster of three shards.
type lazyCluster struct {
	dir     string
	cluster *fleet.Cluster
}

// empty returns the cluster's addresses for --valkey-addrs, once nothing is in it. No gateway may be running on it.
func (l *lazyCluster) empty(t *testing.T) string {
	t.Helper()
	if l.cluster == nil {
		dir, err := os.MkdirTemp("", "hearth-test-")
		if err != nil {
			t.Fatal(err)
		}
		l.dir = dir
		if l.cluster, err = fleet.StartCluster(dir, 3, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range l.cluster.Servers {
		if _, err := s.Command("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(l.cluster.Addrs(), ",")
}

func (l *lazyCluster) stop() {
	if l.cluster != nil {
		l.cluster.Stop()
	}
	if l.dir != "" {
		_ = os.RemoveAll(l.dir)
	}
}
