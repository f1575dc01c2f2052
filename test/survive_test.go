package test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/hearthcache/hearth/pb"
)

// What clients do by accident or in spite is survived, and changes nothing that is stored.

const prefaceText = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// item is a stored item that has to be there, unchanged, after whatever happens.
type item struct {
	conn *grpc.ClientConn
	t    *testing.T
}

func storeItem(t *testing.T, s *server) item {
	t.Helper()
	conn, err := grpc.NewClient(s.Listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	i := item{conn, t}
	i.call("/control_client.ScsControl/CreateCache", &pb.XCreateCacheRequest{CacheName: "c"}, &pb.XCreateCacheResponse{})
	i.call("/cache_client.Scs/Set", &pb.XSetRequest{CacheKey: []byte("k"), CacheBody: []byte("v"), TtlMilliseconds: 3_600_000}, &pb.XSetResponse{})
	return i
}

func (i item) call(method string, in, out any) {
	i.t.Helper()
	ctx := metadata.AppendToOutgoingContext(i.t.Context(), "cache", "c")
	if err := i.conn.Invoke(ctx, method, in, out); err != nil {
		i.t.Fatalf("%s: %v", method, err)
	}
}

func (i item) check() {
	i.t.Helper()
	var r pb.XGetResponse
	i.call("/cache_client.Scs/Get", &pb.XGetRequest{CacheKey: []byte("k")}, &r)
	if string(r.CacheBody) != "v" {
		i.t.Fatalf("the stored item is now %v", &r)
	}
}

// say connects, sends bytes, and reads until the server closes or has said nothing for a while.
func say(t *testing.T, addr string, b []byte) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write(b)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, _ = io.Copy(io.Discard, c)
}

func frameBytes(kind, flags byte, stream uint32, payload string) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	b = append(b, byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
	return append(b, payload...)
}

// setRequest is a connection with one call that would overwrite the item.
func setRequest() []byte {
	literal := func(name, value string) string {
		return "\x00" + string(rune(len(name))) + name + string(rune(len(value))) + value
	}
	head := literal(":method", "POST") + literal(":scheme", "http") + literal(":path", "/cache_client.Scs/Set") +
		literal("content-type", "application/grpc") + literal("te", "trailers") + literal("cache", "c")
	message := "\x0a\x01k\x12\x05other\x18\xe0\xd4\x03"
	b := append([]byte(prefaceText), frameBytes(4, 0, 0, "")...)
	b = append(b, frameBytes(1, 4, 1, head)...)
	return append(b, frameBytes(0, 1, 1, "\x00\x00\x00\x00"+string(rune(len(message)))+message)...)
}

func TestHalfARequestAndGarbage(t *testing.T) {
	s := start(t)
	kept := storeItem(t, s)
	whole := setRequest()
	for n := 0; n < len(whole); n += 3 {
		say(t, s.Listen, whole[:n])
	}
	kept.check()
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		noise := make([]byte, r.IntN(2000))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		say(t, s.Listen, noise)
		say(t, s.Listen, append([]byte(prefaceText), noise...))
		spoilt := append([]byte(nil), whole[:len(whole)-12]...) // short of its end: never a whole Set
		spoilt[len(prefaceText)+r.IntN(len(spoilt)-len(prefaceText))] ^= byte(1 + r.IntN(255))
		say(t, s.Listen, spoilt)
	}
	kept.check()
}

const idleConnections = 10_000

func TestIdleHTTP2ConnectionsCostLittle(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Max < idleConnections+500 {
		t.Fatalf("this test needs %d file descriptors; the hard limit is %d", idleConnections+500, limit.Max)
	}
	s := start(t)
	kept := storeItem(t, s)
	before := residentKiB(t, s.cmd.Process.Pid)
	opening := append([]byte(prefaceText), frameBytes(4, 0, 0, "")...)
	conns := make([]net.Conn, 0, idleConnections)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range idleConnections {
		// Addresses of the loopback network, so that the ports of one do not run out.
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%4))}}
		c, err := d.DialContext(t.Context(), "tcp", s.Listen)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
		if _, err := c.Write(opening); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	kept.check()
	after := residentKiB(t, s.cmd.Process.Pid)
	t.Logf("%d idle connections: from %d to %d KiB resident", idleConnections, before, after)
	if each := (after - before) * 1024 / idleConnections; each > 32<<10 {
		t.Errorf("an idle connection costs %d bytes", each)
	}
}

func residentKiB(t *testing.T, pid int) (n int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
