package memcache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door/doortest"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/test/await"
)

// heapBytesMax is more than what one connection may make a door with a small cache take: the cache, requests, and answers.
const heapBytesMax = 256 << 20

// requests are what the fuzzing of the door begins with: of each way to ask, and to go wrong, a little.
var requests = []string{
	"set k 5 0 3\r\nabc\r\nget k x\r\ngets k\r\n",
	"add k 0 0 1\r\nx\r\nreplace k 0 -1 1 noreply\r\ny\r\nappend k 0 0 2\r\nab\r\nprepend n 0 0 0\r\n\r\ncas k 0 0 1 7\r\nz\r\n",
	"set n 0 0 2\r\n10\r\nincr n 18446744073709551615\r\ndecr n 5 noreply\r\nincr k x\r\n",
	"set k 0 0 1\r\nxyz\r\nset k 0 0 -1\r\nset k 0 0 99999999999\r\nget\r\nbogus\r\n\r\n",
	"gat 100 k\r\ngats 0 k l\r\ntouch k 5\r\ndelete k 0\r\ndelete k 1\r\nversion\r\nverbosity 1 noreply\r\nquit\r\nget k\r\n",
	"ms k 3 T0 F5 c Oab k ME\r\nabc\r\nmg k s v c t f k Oab q\r\nmn\r\nms a2V5 S1 b\r\n1\r\nmg a2V5 b k v\r\nms k 2 I C1\r\nab\r\n",
	"mg k N30 v R10 T5\r\nmg k N30 v\r\nmd k I T30\r\nmg k v\r\nmd k q C9\r\nma n N0 J13 D5 MI v t c\r\nma n MD q\r\nme k\r\n",
	"config get cluster\r\nconfig set x\r\nflush_all\r\nshutdown\r\nget " + strings.Repeat("k", 251) + "\r\n",
	"stats\r\nstats settings\r\nstats items\r\nstats slabs\r\nstats conns\r\nstats detail dump\r\nstats reset\r\n",
	"\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00k",
}

// late is what happens only after a while, in the midst of what is sent then.
var late = regexp.MustCompile(`flush_all +\+?[0-9]`)

// Whatever bytes come, cut wherever, to a client that has signed in or to a stranger: they are answered as the same bytes in one
// piece, nothing is left of the connection, and nothing panics.
func FuzzDoor(f *testing.F) {
	for i, r := range requests {
		f.Add(i%5 != 1, []byte(r), []byte{byte(i), 0, 5, 2})
	}
	f.Add(false, []byte("set auth 0 0 6\r\nuser k\r\nget k\r\nset auth 0 0 9999\r\nset auth 0 0 3\r\nab\r\n\r\n"), []byte{4, 1, 1})
	f.Add(true, []byte(strings.Join(requests[:8], "")), []byte{3, 6, 9, 1, 0, 0, 8, 12})
	set := func(key string, size int) string {
		return fmt.Sprintf("set %s 0 0 %d\r\n%s\r\n", key, size, strings.Repeat("x", size))
	}
	f.Add(true, []byte(set("k", 70_000)+"mg k s\r\n"+set("l", 40_000)+"append l 0 0 70000\r\nab"), []byte{6, 200, 140})
	f.Add(true, []byte("mn\r\n"+strings.Repeat("x", 9000)+"\r\nmn\r\n"), []byte{50, 20, 60})
	f.Add(true, []byte("get"+strings.Repeat(" key", 2000)+"\r\n"+set("huge", 6<<20)+"get huge\r\n"), []byte{60, 255, 255})

	leaks := goleak.IgnoreCurrent()
	f.Cleanup(func() { goleak.VerifyNone(f, leaks) })
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		f.Fatal(err)
	}
	e := local.New(local.Options{BytesMax: 64 << 20, Now: func() int64 { return 1_700_000_000_000 }})
	f.Cleanup(func() { _ = e.Close() })
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	serve := func(open bool) (*Door, *doortest.Bench) {
		d := New(Options{Gateway: gateway.New(gateway.Options{Engine: e, Plane: plane, Open: open}), Log: quiet})
		return d, doortest.New(f, d)
	}
	opened, openBench := serve(true)
	closed, closedBench := serve(false)
	owner, err := opened.Gateway.SignIn(gateway.Credential{Peer: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Door: gateway.Memcache}, opened.Cache)
	if err != nil {
		f.Fatal(err)
	}
	if err := opened.Gateway.Change(context.Background(), owner, control.CreateCache{Name: opened.Cache}); err != nil {
		f.Fatal(err)
	}
	seen := 0
	f.Fuzz(func(t *testing.T, known bool, in, cuts []byte) {
		if late.Match(in) {
			t.Skip("what is flushed later hangs on the clock")
		}
		d, bench := opened, openBench
		if !known {
			d, bench = closed, closedBench
		}
		send := func(pieces ...[]byte) []byte {
			if err := opened.Gateway.Change(context.Background(), owner, control.FlushCache{Name: d.Cache}); err != nil {
				t.Fatal(err)
			}
			got := bench.Send(t, pieces...)
			await.That(t, "the connection is forgotten", func() bool { return d.count.open.Load() == 0 })
			if n := d.Budget.Used(); n != 0 {
				t.Errorf("%d bytes of the budget for arriving values are not given back", n)
			}
			if said := []byte("internal error"); bytes.Contains(got, said) && !bytes.Contains(in, said[:8]) {
				t.Errorf("an internal error: %q", got)
			}
			return got
		}
		whole := send(in)
		got := send(doortest.Cut(in, cuts)...)
		if !bytes.Equal(got, whole) && !bytes.Contains(in, []byte("stats")) {
			t.Errorf("%q\n in one piece %q\n in pieces    %q", doortest.Cut(in, cuts), whole, got)
		}
		if seen++; seen%1000 == 0 {
			var m runtime.MemStats
			runtime.GC()
			if runtime.ReadMemStats(&m); m.HeapAlloc > heapBytesMax {
				t.Errorf("the heap is %d MiB", m.HeapAlloc>>20)
			}
		}
	})
}
