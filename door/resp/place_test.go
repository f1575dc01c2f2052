package resp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/test/await"
	"github.com/hearthcache/hearth/value"
)

// placeless is an engine without places for large values.
type placeless struct{ *local.Engine }

func (placeless) Reserve(hearth.Space, int) (*value.Block, error) { return nil, nil }

// Commands that store a large value answer as they do where it is gathered, however they arrive, and give all memory back.
func TestLargeValuesInPlace(t *testing.T) {
	open := func(e engine.Engine) (*Door, string) {
		plane, err := control.NewPlane(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		d := New(Options{Gateway: gateway.New(gateway.Options{Engine: e, Plane: plane, Open: true})})
		return d, listenOn(t, &door.Server{Protocol: d, Loops: &door.Loops{Count: 1}})
	}
	d, ours := open(local.New(local.Options{BytesMax: 48 << 20})) // what is not given back soon leaves no room
	_, theirs := open(placeless{local.New(local.Options{BytesMax: 1 << 30})})
	for _, addr := range []string{ours, theirs} {
		dial(t, addr).do("SET", "the default cache", "is there")
	}

	for i, call := range [][]string{
		{"SET", "k", "V"}, {"set", "k", "V", "EX", "100"}, {"SET", "k", "V", "PX", "100000", "GET"}, {"SET", "k", "V", "NX"}, {"SET", "k", "V", "XX"},
		{"SET", "old", "V", "GET"}, {"SET", "old", "V", "NX", "GET"}, {"SET", "old", "V", "KEEPTTL"}, {"SET", "list", "V"}, {"SET", "list", "V", "GET"},
		{"SET", "k", "V", "NONE"}, {"SET", "k", "V", "EX", "0"}, {"SET", "k", "V", "EX"}, {"SET", "k", "V", strings.Repeat("none", 1000)},
		{"SETNX", "k", "V"}, {"SETNX", "old", "V"}, {"SETNX", "k", "V", "more"}, {"GETSET", "old", "V"}, {"GETSET", "list", "V"}, {"GETSET", "k", "V"},
		{"SETEX", "k", "100", "V"}, {"PSETEX", "k", "100000", "V"}, {"SETEX", "k", "0", "V"}, {"SETEX", "k", "x", "V"}, {"SETEX", "k", "100", "V", "more"},
		{"APPEND", "old", "V"}, {"ECHO", "V"}, {"SET", "V", "k"},
	} {
		for n, size := range []int{blockBytesMin - 1, blockBytesMin, 300_000, 4_900_000} {
			if size > 1<<20 && i%5 > 0 {
				continue
			}
			value := strings.Repeat(fmt.Sprint(i, size, " "), size)[:size]
			var in []byte
			for _, c := range [][]string{{"DEL", "k", "old", "list"}, {"SET", "old", "present", "EX", "1000"}, {"RPUSH", "list", "a"}, call,
				{"GET", "k"}, {"STRLEN", "old"}, {"TYPE", "list"}, {"PING", "done"}} {
				in = respwire.AppendArray(in, len(c))
				for _, a := range c {
					if a == "V" {
						a = value
					}
					in = respwire.AppendBulkString(in, a)
				}
			}
			at := bytes.Index(in, []byte(value))
			for _, cut := range []int{at - 20, at + 1, at + size/2, at + size, at + size + 2, at + size + 30}[n:] {
				want, got := piecewise(t, theirs, in, len(in)), piecewise(t, ours, in, cut)
				if got != want {
					t.Fatalf("%.50q of %d bytes, cut at %d of %d, answers\n%.200q (%d bytes), where it is gathered\n%.200q (%d bytes)", call, size, cut-at, size, got, len(got), want, len(want))
				}
			}
		}
	}
	await.That(t, "no budget is kept", func() bool { return d.Budget.Used() == 0 })
}

// piecewise sends bytes in two pieces on a new connection, and returns the answers up to that of the last command.
func piecewise(t *testing.T, addr string, in []byte, cut int) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		_, _ = nc.Write(in[:cut])
		time.Sleep(time.Millisecond) // so that it mostly arrives by itself; nothing hangs on that
		_, _ = nc.Write(in[cut:])
	}()
	var out []byte
	buf := make([]byte, 64<<10)
	for !bytes.HasSuffix(out, []byte("$4\r\ndone\r\n")) {
		n, err := nc.Read(buf)
		out = append(out, buf[:n]...)
		if err == io.EOF {
			return string(out) + " and the end"
		}
		if err != nil {
			t.Fatalf("after %.200q: %v", out, err)
		}
	}
	return string(out)
}
