package resp

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

// serve starts the door over the local engine, open to everybody, and returns its address.
func serve(t testing.TB) string {
	t.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	eng := local.New(local.Options{})
	g := gateway.New(gateway.Options{Engine: eng, Plane: plane, Open: true})
	return listen(t, New(Options{Gateway: g}))
}

func listen(t testing.TB, d *Door) string {
	t.Helper()
	return listenOn(t, &door.Server{Protocol: d})
}

func listenOn(t testing.TB, s *door.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// talk sends bytes on a new connection, closes its sending half, and returns all that came back.
func talk(t testing.TB, addr, send string) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	return exchange(t, nc, send+"QUIT\r\n")
}

func exchange(t testing.TB, nc net.Conn, send string) string {
	t.Helper()
	go func() { _, _ = nc.Write([]byte(send)) }()
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := nc.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}

func TestTalk(t *testing.T) {
	addr := serve(t)
	check := func(send, want string) {
		t.Helper()
		if got := strings.TrimSuffix(talk(t, addr, send), "+OK\r\n"); got != want {
			t.Errorf("%q answers %q, want %q", send, got, want)
		}
	}

	check("PING\r\n", "+PONG\r\n")
	check("*1\r\n$4\r\nping\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n", "+PONG\r\n$2\r\nhi\r\n")
	check("GET nothing\r\nSET k 'a b'\r\nGET k\r\nDEL k\r\nDEL k\r\n", "$-1\r\n+OK\r\n$3\r\na b\r\n:1\r\n:0\r\n")
	check("NOPE a b\r\n", "-ERR unknown command 'NOPE', with args beginning with: 'a' 'b' \r\n")
	check("GET\r\n", "-ERR wrong number of arguments for 'get' command\r\n")
	check("MULTI\r\nCOMMAND NOPE\r\nEXEC\r\n", "+OK\r\n-ERR unknown subcommand 'NOPE'. Try COMMAND HELP.\r\n"+
		"-EXECABORT Transaction discarded because of previous errors.\r\n")
	check("CLIENT NOPE\r\n", "-ERR unknown subcommand 'NOPE'. Try CLIENT HELP.\r\n")
	check("*1\r\nGET\r\n", "-ERR Protocol error: expected '$', got 'G'\r\n")
}
