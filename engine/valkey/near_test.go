package valkey

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// try answers from this process's memory, or fails to.
func try(t *testing.T, e *Engine, o op.Op) (string, bool) {
	t.Helper()
	var r op.Reply
	done, err := e.Try(7, o, &r)
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Value()), done
}

// warm reads a key until it is answered from this process's memory.
func warm(t *testing.T, e *Engine, o op.Op) {
	t.Helper()
	for range 10 * hotReads {
		if _, done := try(t, e, o); done {
			return
		}
		do(t, e, o)
	}
	t.Fatalf("%q does not get hot", o.Key())
}

// eventually waits until something holds: the server's word may take a moment.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// calls returns how many commands of a name the server has run.
func calls(t *testing.T, s *fleet.Server, name string) int {
	t.Helper()
	info, err := s.Command("INFO", "commandstats")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "cmdstat_"+name+":calls=")
	count, _, _ := strings.Cut(rest, ",")
	n, _ := strconv.Atoi(count)
	return n
}

func TestNear(t *testing.T) {
	e, s := single(t, Options{NearBytes: 1 << 20})
	get := &op.Get{K: []byte("k")}
	set := func(v string) { do(t, e, &op.Set{K: []byte("k"), Value: []byte(v)}) }
	value := func() string { return string(do(t, e, get).Value()) }

	set("1")
	if _, done := try(t, e, get); done {
		t.Error("a key that nobody has read is in memory")
	}
	warm(t, e, get)
	before := calls(t, s, "get")
	for range 10_000 {
		if v, done := try(t, e, get); done && v != "1" {
			t.Fatalf("%q", v)
		} else if !done {
			do(t, e, get)
		}
	}
	if n := calls(t, s, "get") - before; n > 20 {
		t.Errorf("10,000 reads of a hot key cost the server %d", n)
	}

	// An own write is seen at once, by every way to read.
	for i := range 200 {
		want := fmt.Sprint("own", i)
		set(want)
		if v, done := try(t, e, get); done && v != want {
			t.Fatalf("%q after %q was written", v, want)
		}
		if v := value(); v != want {
			t.Fatalf("%q after %q was written", v, want)
		}
	}

	// Somebody else's write, deletion and expiry are seen when the server has told of them.
	warm(t, e, get)
	for _, step := range [][]string{{"SET", "h:7:k", "theirs"}, {"DEL", "h:7:k"}, {"SET", "h:7:k", "short", "PX", "30"}} {
		warm(t, e, get)
		if _, err := s.Command(step...); err != nil {
			t.Fatal(err)
		}
		want := ""
		if step[0] == "SET" {
			want = step[2]
		}
		eventually(t, strings.Join(step, " ")+" is not seen", func() bool {
			got := value()
			return got == want || len(step) > 3 && got == "" // it has expired already
		})
	}
	warm(t, e, get)
	eventually(t, "the item does not expire", func() bool { return do(t, e, get).Status == op.Miss })

	// What a broken connection has read is not trusted any more.
	set("before")
	warm(t, e, get)
	if _, err := s.Command("CLIENT", "KILL", "TYPE", "normal"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a broken connection is not noticed", func() bool { _, done := try(t, e, get); return !done })
	if value() != "before" {
		t.Error(value())
	}
}

// TestNearRenews: a reply that is read shortly before its end is asked for anew once, and read meanwhile; one that is not read
// comes to its end, and so does one whose item ends with it.
func TestNearRenews(t *testing.T) {
	e, s := single(t, Options{NearBytes: 1 << 20})
	e.near.ttl = 30 * time.Minute // a tenth of it is enough for a slow machine
	item := func(k string) *nearItem { return e.near.find(e.near.hash(7, []byte(k)), 7, "GET", []byte(k)) }
	for _, k := range []string{"read", "not", "short"} {
		o := &op.Set{K: []byte(k), Value: []byte(k)}
		if k == "short" {
			o.Expiry = op.Expiry{At: time.Now().Add(e.near.ttl - time.Minute).UnixMilli()}
		}
		do(t, e, o)
		warm(t, e, &op.Get{K: []byte(k)})
	}
	before, asked := map[string]*nearItem{}, calls(t, s, "get")
	for _, k := range []string{"read", "not", "short"} {
		before[k] = item(k)
	}
	if before["read"].again.Load() || !before["short"].again.Load() {
		t.Error("what is to be asked for anew is not what lives on")
	}
	e.near.began = e.near.began.Add(2*time.Minute - e.near.ttl) // time passes
	for _, k := range []string{"read", "read", "short"} {
		if v, done := try(t, e, &op.Get{K: []byte(k)}); !done || v != k {
			t.Errorf("%s is %q, remembered %v", k, v, done)
		}
	}
	eventually(t, "the reply is not asked for anew", func() bool { return item("read") != before["read"] })
	if now := item("read"); now.until <= before["read"].until || now.again.Load() {
		t.Errorf("it ends at %v, before at %v", now.until, before["read"].until)
	}
	if item("not") != before["not"] || item("short") != before["short"] {
		t.Error("another one is asked for anew")
	}
	if n := calls(t, s, "get") - asked; n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestNearIsBounded(t *testing.T) {
	e, _ := cluster(t, 0, Options{NearBytes: 64 << 10})
	for i := range 200 {
		k := []byte(fmt.Sprint("k", i))
		do(t, e, &op.Set{K: k, Value: make([]byte, 1000)})
		for range 2 * hotReads {
			do(t, e, &op.Get{K: k})
		}
	}
	e.near.mu.Lock()
	bytes, items, length := e.near.bytes, e.near.inTable(), e.near.order.Len()
	e.near.mu.Unlock()
	if bytes > 64<<10 || items == 0 || items != length || int64(items) != e.near.count.Load() {
		t.Errorf("%d bytes, %d items, %d in order, %d counted", bytes, items, length, e.near.count.Load())
	}
	do(t, e, &op.Set{K: []byte("big"), Value: make([]byte, 8<<10)})
	for range 3 * hotReads {
		do(t, e, &op.Get{K: []byte("big")})
	}
	if _, done := try(t, e, &op.Get{K: []byte("big")}); done {
		t.Error("an item takes more than its share")
	}
	// Collections are kept too, and a batch with a write in it asks the server.
	do(t, e, &op.DictSet{K: []byte("d"), Pairs: []op.Pair{{Field: []byte("f"), Value: []byte("1")}}})
	warm(t, e, &op.DictFetch{K: []byte("d")})
	rs := make([]op.Reply, 2)
	e.DoAll(context.Background(), 7, []op.Op{
		&op.DictSet{K: []byte("d"), Pairs: []op.Pair{{Field: []byte("f"), Value: []byte("2")}}}, &op.DictFetch{K: []byte("d")},
	}, rs)
	if rs[1].Err != nil || string(rs[1].Part(1).Bytes) != "2" {
		t.Errorf("%v %q", rs[1].Err, rs[1].Part(1).Bytes)
	}
}

// TestWhole holds the commands whose answers are remembered to what they say of themselves.
func TestWhole(t *testing.T) {
	for _, o := range []op.Whole{&op.Get{K: []byte("k")}, &op.DictFetch{K: []byte("k")}, &op.SetFetch{K: []byte("k")}} {
		var b respwire.Batch
		o.Send(&b, []byte("key"))
		args := b.At(0)
		if b.Len() != 1 || len(args) != 2 || string(args[0]) != o.Whole() || !cacheable(args) || o.Spec().Access != op.Reads {
			t.Errorf("%T says %q", o, args)
		}
	}
}

func TestNearIsCounted(t *testing.T) {
	e, _ := single(t, Options{NearBytes: 1 << 20})
	if n := e.Near(); n.Hits != 0 || n.Items != 0 || n.Bytes != 0 {
		t.Errorf("before anything was read: %+v", n)
	}
	get := &op.Get{K: []byte("k")}
	do(t, e, &op.Set{K: get.K, Value: []byte("v")})
	warm(t, e, get)
	if n := e.Near(); n.Hits == 0 || n.Items != 1 || n.Bytes == 0 {
		t.Errorf("a hot key: %+v", n)
	}
}
