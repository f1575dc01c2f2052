package client_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/test/await"
)

var feedOn = map[string]string{"feed": "on"}

// nearOf returns a near cache, and the same cache as another process has it.
func nearOf(t testing.TB, c *client.Client, o client.NearOptions) (near, far *client.Cache) {
	t.Helper()
	far = newCache(t, dial(t, ""), feedOn)
	near, err := c.Cache(far.Name()).Near(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

func wants(t *testing.T, c *client.Cache, key, want string) {
	t.Helper()
	if v, ok, err := c.Get(t.Context(), []byte(key)); string(v) != want || ok != (want != "") || err != nil {
		t.Errorf("%s: got %q, %v, %v; want %q", key, v, ok, err, want)
	}
}

func TestNear(t *testing.T) {
	near, far := nearOf(t, dial(t, ""), client.NearOptions{})
	put := func(c *client.Cache, key, value string, ttl time.Duration) {
		t.Helper()
		if err := c.Set(t.Context(), []byte(key), []byte(value), ttl); err != nil {
			t.Fatal(err)
		}
	}
	// has fills the near cache: what the feed says of the set before may still be on its way.
	has := func(key, value string) {
		t.Helper()
		await.That(t, key+" is near", func() bool { wants(t, near, key, value); return near.Holds(key) })
	}
	put(far, "k", "1", time.Hour)
	has("k", "1")
	put(far, "k", "2", time.Hour)
	await.That(t, "the new value", func() bool { v, _, _ := near.Get(t.Context(), []byte("k")); return string(v) == "2" })
	has("k", "2")
	put(near, "k", "3", time.Hour)
	wants(t, near, "k", "3") // at once: it is its own
	has("k", "3")
	if err := far.Delete(t.Context(), []byte("k")); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the deletion", func() bool { _, ok, _ := near.Get(t.Context(), []byte("k")); return !ok })
	put(far, "short", "s", 300*time.Millisecond)
	has("short", "s")
	time.Sleep(310 * time.Millisecond)
	wants(t, near, "short", "")
	put(far, "a", "A", time.Hour)
	has("a", "A")
	if err := far.Client().FlushCache(t.Context(), far.Name()); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the flush", func() bool { _, ok, _ := near.Get(t.Context(), []byte("a")); return !ok })
	put(far, "bin\xff", "B", time.Hour)
	has("bin\xff", "B")
	put(far, "bin\xff", "C", time.Hour)
	await.That(t, "a key that is not text", func() bool { v, _, _ := near.Get(t.Context(), []byte("bin\xff")); return string(v) == "C" })
}

func TestNearFetch(t *testing.T) {
	near, far := nearOf(t, dial(t, ""), client.NearOptions{})
	l := &loader{value: "loaded"}
	await.That(t, "near", func() bool {
		v, err := near.Fetch(t.Context(), []byte("k"), l.load, hour)
		if string(v) != "loaded" || err != nil {
			t.Fatalf("got %q, %v", v, err)
		}
		return near.Holds("k")
	})
	if n := l.calls.Load(); n != 1 {
		t.Errorf("%d loads", n)
	}
	if err := far.Set(t.Context(), []byte("k"), []byte("new"), time.Hour); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the new value", func() bool {
		v, _ := near.Fetch(t.Context(), []byte("k"), l.load, hour)
		return string(v) == "new"
	})
}

func TestNearIsBounded(t *testing.T) {
	near, far := nearOf(t, dial(t, ""), client.NearOptions{Items: 10, Bytes: 4000, Prefix: "p"})
	for i := range 30 {
		if err := far.Set(t.Context(), fmt.Append(nil, "p", i), make([]byte, 100), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := far.SetAll(t.Context(), client.Item{Key: []byte("p-large"), Value: make([]byte, 3000), TTL: time.Hour},
		client.Item{Key: []byte("other"), Value: []byte("v"), TTL: time.Hour}, client.Item{Key: []byte("p-too-large"), Value: make([]byte, 4000), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	read := func(key string) string {
		v, _, _ := near.Get(t.Context(), []byte(key))
		return string(v)
	}
	// The feed has said all that once it has told of a change that came later.
	for _, v := range []string{"before", "after"} {
		if err := far.Set(t.Context(), []byte("p-last"), []byte(v), time.Hour); err != nil {
			t.Fatal(err)
		}
		await.That(t, v, func() bool { return read("p-last") == v && near.Holds("p-last") })
	}
	for i := range 30 {
		read(fmt.Sprint("p", i))
		read("p0") // used all the time
	}
	if items, bytes := near.Held(); items != 10 || bytes > 4000 || !near.Holds("p0") || near.Holds("p1") || !near.Holds("p29") {
		t.Errorf("%d items, %d bytes", items, bytes)
	}
	read("p-large")
	if items, bytes := near.Held(); bytes > 4000 || items > 6 || !near.Holds("p-large") {
		t.Errorf("%d items, %d bytes", items, bytes)
	}
	read("p-too-large")
	read("other")
	if near.Holds("p-too-large") || near.Holds("other") {
		t.Error("kept what is too large, or has another prefix")
	}
}

func TestNearNeedsTheFeed(t *testing.T) {
	c := dial(t, "")
	far := newCache(t, c, nil)
	if _, err := far.Near(t.Context(), client.NearOptions{}); hearth.KindOf(err) != hearth.Precondition {
		t.Errorf("no feed: %v", err)
	}
	set(t, c, far.Name(), feedOn)
	near, err := far.Near(t.Context(), client.NearOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := far.Set(t.Context(), []byte("k"), []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	await.That(t, "near", func() bool { wants(t, near, "k", "v"); return near.Holds("k") })
	set(t, c, far.Name(), map[string]string{"feed": "off"})
	_, _, _ = near.Get(t.Context(), []byte("another")) // tells that nobody would tell
	if near.Holds("k") {
		t.Error("the feed is off and the item is still near")
	}
}

// TestNearWithoutTheServer kills the server: nothing is served from memory any more, until another one is there.
func TestNearWithoutTheServer(t *testing.T) {
	s := own(t)
	c := dial(t, s.addr)
	open := func() {
		t.Helper()
		if err := c.CreateCache(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		set(t, c, "c", feedOn)
		if err := c.Cache("c").Set(t.Context(), []byte("k"), []byte("v"), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	open()
	near, err := c.Cache("c").Near(t.Context(), client.NearOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await.That(t, "near", func() bool { wants(t, near, "k", "v"); return near.Holds("k") })
	s.kill()
	await.That(t, "nothing is served", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, ok, err := near.Get(ctx, []byte("k"))
		return !ok && err != nil
	})
	next, err := serve(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer next.kill()
	open()
	await.That(t, "near again", func() bool { wants(t, near, "k", "v"); return near.Holds("k") })
}

func BenchmarkNearGet(b *testing.B) { benchmarkGet(b, true) }
func BenchmarkGet(b *testing.B)     { benchmarkGet(b, false) }

func benchmarkGet(b *testing.B, isNear bool) {
	near, c := nearOf(b, dial(b, ""), client.NearOptions{})
	if err := c.Set(b.Context(), []byte("k"), make([]byte, 100), time.Hour); err != nil {
		b.Fatal(err)
	}
	if isNear {
		c = near
		await.That(b, "k is held", func() bool {
			_, _, _ = near.Get(b.Context(), []byte("k"))
			return near.Holds("k")
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := c.Get(b.Context(), []byte("k")); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
