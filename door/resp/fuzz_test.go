package resp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door/doortest"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/test/await"
)

// fuzzed is a door that answers the same to the same bytes: its cache is empty, its clock stands still.
type fuzzed struct {
	*Door
	bench *doortest.Bench
	seen  int // inputs
}

// heapBytesMax is more than what one connection may make a door with a small cache take: the cache, requests, and answers.
const heapBytesMax = 256 << 20

func newFuzzed(f *testing.F, rows func() *table) *fuzzed {
	f.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		f.Fatal(err)
	}
	e := local.New(local.Options{BytesMax: 64 << 20, Now: func() int64 { return 1_700_000_000_000 }})
	f.Cleanup(func() { _ = e.Close() })
	g := gateway.New(gateway.Options{Engine: e, Plane: plane, Open: true})
	d := New(Options{Gateway: g, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	d.table = sync.OnceValue(rows)
	return &fuzzed{Door: d, bench: doortest.New(f, d)}
}

// run sends pieces on a new connection to an empty cache, and returns the answers, after which nothing is left of the connection.
func (d *fuzzed) run(t *testing.T, pieces ...[]byte) []byte {
	t.Helper()
	c := &conn{door: d.Door, ctx: context.Background()}
	c.welcome()
	err := d.Gateway.Change(c.ctx, c.caller, control.FlushCache{Name: d.Cache})
	if c.missesDefault(err) {
		err = c.makeDefault()
	}
	if err != nil {
		t.Fatal(err)
	}
	d.nextID.Store(0)
	got := d.bench.Send(t, pieces...)
	await.That(t, "the connection is forgotten", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.conns) == 0
	})
	if n := d.Budget.Used(); n != 0 {
		t.Errorf("%d bytes of the budget for arriving requests are not given back", n)
	}
	if d.seen++; d.seen%1000 == 0 {
		var m runtime.MemStats
		runtime.GC()
		if runtime.ReadMemStats(&m); m.HeapAlloc > heapBytesMax {
			t.Errorf("the heap is %d MiB", m.HeapAlloc>>20)
		}
	}
	if said := []byte("internal error"); bytes.Contains(got, said) && !bytes.Contains(bytes.Join(pieces, nil), said[:8]) {
		t.Errorf("an internal error: %q", got)
	}
	return got
}

// requests are what the fuzzing of the door begins with: of each way to ask, and to go wrong, a little.
var requests = []string{
	"SET k v\r\nGET k\r\n",
	"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n10\r\n*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n",
	"set k \"a\\x41\\n\" 'it\\'s'\r\nget \"open\r\n",
	"*1\r\n$4\r\nPING\r\n*0\r\n\r\n*-1\r\n*2\r\n$3\r\nGET\r\n:1\r\n",
	"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc",
	"MULTI\r\nSET a 1\r\nLPUSH a x\r\nNOPE\r\nEXEC\r\nWATCH a\r\nMULTI\r\nGET a\r\nEXEC\r\n",
	"HELLO 3\r\nHSET h f 1.5\r\nHGETALL h\r\nHINCRBYFLOAT h f 1e3\r\nZADD z 1.5 a\r\nZRANGE z 0 -1 WITHSCORES\r\nGET none\r\n",
	"SUBSCRIBE a b\r\nPING\r\nUNSUBSCRIBE\r\nHELLO 3\r\nPSUBSCRIBE *\r\nGET x\r\nRESET\r\nGET x\r\n",
	"CLIENT REPLY SKIP\r\nGET k\r\nCLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\n",
	"BITFIELD k SET u8 #1 200 INCRBY i5 3 9 OVERFLOW FAIL GET u63 0\r\nBITCOUNT k 0 -1 BIT\r\nBITOP NOT l k\r\nBITPOS k 1\r\n",
	"RPUSH l 3 1 2\r\nSORT l BY nosort LIMIT 1 2 GET # STORE m\r\nLPOS l 1 RANK -1 COUNT 0\r\nLMPOP 2 x l LEFT COUNT 2\r\n",
	"SCAN 0 MATCH * COUNT 10\r\nHSCAN h 0\r\nSSCAN s -1\r\nZSCAN z 18446744073709551615\r\n",
	"EVAL x\r\nCLUSTER KEYSLOT {a}b\r\nCOMMAND GETKEYS SET k v\r\nCONFIG GET max*\r\nOBJECT ENCODING k\r\nAUTH x y\r\nQUIT\r\nPING\r\n",
	"SET k v EX 10 NX GET\r\nGETEX k PXAT 1\r\nEXPIRE k 5 GT\r\nSETRANGE k 3 abc\r\nGETRANGE k -3 -1\r\nCOPY k l REPLACE\r\nRENAME k k\r\n",
	"ZADD z NX GT 1 a\r\nZUNION 2 z y WEIGHTS 2 nan AGGREGATE MAX\r\nZRANGESTORE d z (1 +inf BYSCORE REV LIMIT 0 -1\r\nZRANGEBYLEX z [a +\r\n",
}

func seedRequests(f *testing.F) {
	for i, r := range requests {
		f.Add([]byte(r), []byte{byte(i), 0, 5, 2})
	}
	f.Add([]byte(strings.Join(requests, "")), []byte{3, 6, 9, 1, 0, 0, 8, 12})
	set := func(key string, size int) string {
		return fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\n%s\r\n$%d\r\n%s\r\n", key, size, strings.Repeat("x", size))
	}
	f.Add([]byte("PING\r\n"+strings.Repeat("x", 70_000)+"\r\nPING\r\n"), []byte{200, 170})
	pings := strings.Repeat("PING\r\n", 20)
	f.Add([]byte(set("k", 70_000)+"STRLEN k\r\n"+set("l", 40_000)+"*2\r\n$3\r\nGET\r\n$20000\r\nab"), []byte{6, 200, 140})
	f.Add([]byte(set("k", 40_000)+pings+set("l", 100_000)+pings+"STRLEN l\r\n"), []byte{140, 142, 1, 1, 255, 3})
}

// steady are the rows of what answers the same to the same request.
func steady() *table {
	unsteady := strings.Fields("TIME LASTSAVE INFO RANDOMKEY SPOP SRANDMEMBER HRANDFIELD ZRANDMEMBER PUBLISH SPUBLISH MEMORY")
	rows := slices.Concat(families()...)
	return newTable(slices.DeleteFunc(rows, func(r row) bool { return slices.Contains(unsteady, r.name) }))
}

// Whatever bytes come, cut wherever: they are answered as the same bytes in one piece, nothing is left of the connection, and
// nothing panics.
func FuzzDoor(f *testing.F) {
	seedRequests(f)
	leaks := goleak.IgnoreCurrent()
	f.Cleanup(func() { goleak.VerifyNone(f, leaks) })
	d := newFuzzed(f, steady)
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		whole := d.run(t, in)
		if got := d.run(t, doortest.Cut(in, cuts)...); !bytes.Equal(got, whole) {
			t.Errorf("%q\n in one piece %q\n in pieces    %q", doortest.Cut(in, cuts), whole, got)
		}
	})
}

// Whatever bytes come for any command, those among them that answer something else each time.
func FuzzDoorAnyCommand(f *testing.F) {
	seedRequests(f)
	f.Add([]byte("SADD s a b c\r\nSPOP s 2\r\nSRANDMEMBER s -3\r\nRANDOMKEY\r\nINFO\r\nTIME\r\nMEMORY USAGE s\r\nCLIENT LIST\r\nCLIENT KILL ID 1 SKIPME no\r\n"), []byte{1})
	f.Add([]byte("HELLO 3\r\nSUBSCRIBE a\r\nPUBLISH a x\r\nHRANDFIELD h -2 WITHVALUES\r\nZRANDMEMBER z 1 WITHSCORES\r\n"), []byte{1})
	leaks := goleak.IgnoreCurrent()
	f.Cleanup(func() { goleak.VerifyNone(f, leaks) })
	d := newFuzzed(f, func() *table { return newTable(families()...) })
	f.Fuzz(func(t *testing.T, in, cuts []byte) { d.run(t, doortest.Cut(in, cuts)...) })
}
