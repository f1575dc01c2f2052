package valkey

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

var (
	_ engine.Engine     = (*Engine)(nil)
	_ engine.Trier      = (*Engine)(nil)
	_ engine.Runner     = (*Engine)(nil)
	_ engine.Scanner    = (*Engine)(nil)
	_ engine.Transactor = (*Engine)(nil)
)

// both runs a test on a single server and on a cluster of three shards.
func both(t *testing.T, o Options, test func(*testing.T, *Engine)) {
	t.Run("single", func(t *testing.T) {
		e, _ := single(t, o)
		test(t, e)
	})
	t.Run("cluster", func(t *testing.T) {
		e, _ := cluster(t, 0, o)
		test(t, e)
	})
}

func TestEngine(t *testing.T) {
	both(t, Options{}, func(t *testing.T, e *Engine) {
		t.Run("records", func(t *testing.T) { testRecords(t, e) })
		t.Run("functions", func(t *testing.T) { testFunctions(t, e) })
		t.Run("batch", func(t *testing.T) { testBatch(t, e) })
		t.Run("several keys", func(t *testing.T) { testSeveralKeys(t, e) })
		t.Run("scan and drop", func(t *testing.T) { testScanAndDrop(t, e) })
		t.Run("together", func(t *testing.T) { testTogether(t, e) })
		t.Run("together, bounded", func(t *testing.T) { testTogetherBounded(t, e) })
	})
}

// testRecords holds what this package reads from the client's records: errors in full, maps in their order.
func testRecords(t *testing.T, e *Engine) {
	o := &raw{key: "rec", access: op.Writes, commands: [][]string{{"HSET", "a", "1", "b", "2", "c", ""}, {"HGETALL"}, {"INCR"}, {"LPOS", "x", "RANK", "0"}, {"HINCRBY", "a", "x"}}}
	do(t, e, o)
	var flat []string
	for _, v := range o.got[1].Array {
		flat = append(flat, string(v.Str))
	}
	if got := strings.Join(flat, ","); got != "a,1,b,2,c," || o.got[1].Type != '%' {
		t.Errorf("HGETALL: %q %c", got, o.got[1].Type)
	}
	check := func(i int, prefix string) {
		t.Helper()
		if v := o.got[i]; !v.IsError() || !strings.HasPrefix(string(v.Str), prefix) {
			t.Errorf("command %d: %c %q, want %q", i, v.Type, v.Str, prefix)
		}
	}
	check(2, "WRONGTYPE Operation")
	check(3, "ERR RANK can't be zero")
	check(4, "ERR value is not an integer or out of range")
	// A command that cannot even be queued takes the others with it, and all carry its error.
	do(t, e, &raw{key: "rec", commands: [][]string{{"GET"}, {"OBJECT"}}})
	z := &raw{key: "z", access: op.Writes, commands: [][]string{{"ZADD", "1.5", "m", "inf", "n"}, {"ZRANGE", "0", "-1", "WITHSCORES"}, {"ZSCORE", "nobody"}}}
	do(t, e, z)
	pairs := z.got[1].Array
	if len(pairs) != 2 || pairs[0].Array[1].Num != 1.5 || string(pairs[1].Array[0].Str) != "n" || !z.got[2].Null {
		t.Errorf("ZRANGE: %+v", z.got)
	}
}

func testFunctions(t *testing.T, e *Engine) {
	ask := func() {
		t.Helper()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				o := &raw{key: fmt.Sprint("f", i), commands: [][]string{{"ping"}}}
				if do(t, e, o); len(o.got) != 1 || string(o.got[0].Str) != "PONG" {
					t.Errorf("%+v", o.got)
				}
			}()
		}
		wg.Wait()
	}
	ask()
	c, _ := e.conn()
	nodes, err := c.primaries(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if err := n.Do(context.Background(), n.B().Arbitrary("FUNCTION", "FLUSH").Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	// A transaction finds out before it begins.
	rs := make([]op.Reply, 2)
	call := &raw{key: "f1", commands: [][]string{{"ping"}}}
	done, err := e.DoTogether(context.Background(), 7, nil, []op.Op{&op.Set{K: []byte("f1"), Value: []byte("v")}, call}, rs)
	if !done || err != nil || string(call.got[0].Str) != "PONG" {
		t.Errorf("%v %v %+v", done, err, call.got)
	}
	ask()
}

func testBatch(t *testing.T, e *Engine) {
	var os []op.Op
	for i := range 300 {
		k := []byte(fmt.Sprint("b", i))
		os = append(os, &op.Set{K: k, Value: fmt.Append(nil, i)}, &op.Get{K: k})
		if i%50 == 0 {
			os = append(os, &raw{key: string(k), access: op.Writes, commands: [][]string{{"APPEND", "x"}, {"STRLEN"}}}, &op.Get{K: k})
		}
	}
	rs := make([]op.Reply, len(os))
	e.DoAll(context.Background(), 7, os, rs)
	last := ""
	for i, o := range os {
		if rs[i].Err != nil {
			t.Fatal(rs[i].Err)
		}
		switch o := o.(type) {
		case *op.Set:
			last = string(o.Value)
		case *raw:
			last += "x"
		case *op.Get:
			if string(rs[i].Value()) != last {
				t.Errorf("%s = %q, want %q", o.K, rs[i].Value(), last)
			}
		}
	}
}

func testSeveralKeys(t *testing.T, e *Engine) {
	for _, k := range []string{"s1", "s2", "s3", "{t}1", "{t}2"} {
		do(t, e, &op.Set{K: []byte(k), Value: []byte("v" + k)})
	}
	show := func(o op.Op) string {
		r := &op.Reply{}
		if err := e.Do(context.Background(), 7, o, r); err != nil {
			return err.Error()
		}
		var out []string
		for i := range r.Len() {
			out = append(out, string(r.Part(i).Bytes))
		}
		return strings.Join(out, " ")
	}
	if got := show(&many{keys: keys("{t}1", "{t}2")}); got != "v{t}1 v{t}2" {
		t.Error(got)
	}
	if got := show(&split{many{keys: keys("s1", "s2", "s3", "none")}}); got != "vs1 vs2 vs3 " {
		t.Error(got)
	}
	want := "vs1 vs2 vs3"
	if e.spread() {
		want = errCrossSlot.Msg
	}
	if got := show(&many{keys: keys("s1", "s2", "s3")}); got != want {
		t.Error(got)
	}
}

func testScanAndDrop(t *testing.T, e *Engine) {
	ctx := context.Background()
	const space, other = 1000, 1001
	set := func(s hearth.Space, k string) {
		if err := e.Do(ctx, s, &op.Set{K: []byte(k), Value: []byte("v")}, &op.Reply{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 500 {
		set(space, fmt.Sprint("k*", i))
		set(other, fmt.Sprint("k*", i))
	}
	walk := func(s hearth.Space, kind value.Kind) int {
		seen := map[string]bool{}
		for cursor := uint64(0); ; {
			ks, next, err := e.Scan(ctx, s, cursor, 50, kind)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range ks {
				seen[string(k)] = true
			}
			if next >= 1<<53 {
				t.Fatalf("cursor %d: clients that keep it in a floating-point number give back another", next)
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
		if len(seen) > 0 && !seen["k*7"] {
			t.Errorf("k*7 is not among %d keys", len(seen))
		}
		return len(seen)
	}
	if n := walk(space, value.None); n != 500 {
		t.Errorf("%d keys", n)
	}
	if n := walk(space, value.List); n != 0 {
		t.Errorf("%d lists", n)
	}
	if err := e.Drop(ctx, space); err != nil {
		t.Fatal(err)
	}
	if err := e.reclaim(ctx); err != nil {
		t.Fatal(err)
	}
	if n, m := walk(space, value.None), walk(other, value.Scalar); n != 0 || m != 500 {
		t.Errorf("%d keys of the dropped space, %d of the other", n, m)
	}
}

func testTogether(t *testing.T, e *Engine) {
	ctx := context.Background()
	set := func(k, v string) op.Op { return &op.Set{K: []byte(k), Value: []byte(v)} }
	try := func(w engine.Watch, os ...op.Op) (bool, error) {
		rs := make([]op.Reply, len(os))
		done, err := e.DoTogether(ctx, 7, w, os, rs)
		for i := range rs {
			if done && rs[i].Err != nil {
				t.Error(rs[i].Err)
			}
		}
		return done, err
	}
	watch := func(ks ...string) engine.Watch {
		w, err := e.Watch(ctx, 7, keys(ks...))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := watch("{w}1", "{w}2")
	if done, err := try(w, set("{w}1", "a"), set("{w}2", "b")); !done || err != nil {
		t.Error(done, err)
	}
	w = watch("{w}1")
	do(t, e, set("{w}1", "changed"))
	if done, err := try(w, set("{w}2", "never")); done || err != nil {
		t.Error(done, err)
	}
	if r := do(t, e, &op.Get{K: []byte("{w}2")}); string(r.Value()) != "b" {
		t.Errorf("%q", r.Value())
	}
	watch("{w}1").Close()
	if done, err := try(nil, set("{w}1", "x"), &raw{key: "{w}1", commands: [][]string{{"STRLEN"}, {"APPEND", "y"}}}); !done || err != nil {
		t.Error(done, err)
	}
	done, err := try(nil, set("w1", "x"), set("w2", "y"))
	if crossed := hearth.KindOf(err) == hearth.CrossSlot; crossed != e.spread() || done == crossed {
		t.Error(done, err)
	}
}

// testTogetherBounded asks in one transaction for more of one value than an answer may hold: the last reads have an error in
// their place, and what is written is written.
func testTogetherBounded(t *testing.T, e *Engine) {
	k := []byte("{big}")
	do(t, e, &op.Set{K: k, Value: make([]byte, 4<<20)})
	const fit, reads = hearth.AnswerBytesMax >> 22, 20
	os := []op.Op{}
	for range reads {
		os = append(os, &op.GetRange{K: k, End: -1})
	}
	os = append(os, &op.Append{K: k, Value: []byte("v")})
	rs := make([]op.Reply, len(os))
	if done, err := e.DoTogether(context.Background(), 7, nil, os, rs); !done || err != nil {
		t.Fatal(done, err)
	}
	for i := range reads {
		if limited := hearth.KindOf(rs[i].Err) == hearth.Limited; limited != (i >= fit) || !limited && rs[i].Bytes() != 4<<20 {
			t.Errorf("read %d has %d bytes, %v", i, rs[i].Bytes(), rs[i].Err)
		}
	}
	if err := rs[reads].Err; err != nil || rs[reads].Int != 4<<20+1 {
		t.Errorf("%v, %d bytes", err, rs[reads].Int)
	}
}
