package client_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
)

// must returns a function that fails the test where a call has failed, and otherwise returns its result.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func b(texts ...string) [][]byte {
	all := make([][]byte, len(texts))
	for i, s := range texts {
		all[i] = []byte(s)
	}
	return all
}

func TestScalars(t *testing.T) {
	ctx, c := t.Context(), newCache(t, dial(t, ""), nil)
	key := []byte("k")
	stored := func(want bool) func(bool, error) {
		return func(got bool, err error) {
			t.Helper()
			if got != want || err != nil {
				t.Errorf("got %v, %v; want %v", got, err, want)
			}
		}
	}
	stored(true)(c.SetIf(ctx, key, []byte("1"), client.If{Absent: true}, time.Hour))
	stored(false)(c.SetIf(ctx, key, []byte("2"), client.If{Absent: true}, time.Hour))
	stored(true)(c.SetIf(ctx, key, []byte("2"), client.If{Present: true}, time.Hour))
	stored(false)(c.SetIf(ctx, key, []byte("3"), client.If{Equal: []byte("1")}, time.Hour))
	stored(true)(c.SetIf(ctx, key, []byte("3"), client.If{Equal: []byte("2")}, time.Hour))
	stored(true)(c.SetIf(ctx, key, []byte("4"), client.If{Absent: true, Equal: []byte("3")}, time.Hour))
	stored(false)(c.SetIf(ctx, key, []byte("5"), client.If{NotEqual: []byte("4")}, time.Hour))
	stored(true)(c.SetIf(ctx, key, []byte("5"), client.If{Present: true, NotEqual: []byte("3")}, time.Hour))
	if _, err := c.SetIf(ctx, key, nil, client.If{Present: true, Absent: true}, time.Hour); hearth.KindOf(err) != hearth.Invalid {
		t.Errorf("present and absent: %v", err)
	}
	value, hash, ok, err := c.GetWithHash(ctx, key)
	if string(value) != "5" || !ok || err != nil {
		t.Fatalf("got %q, %v, %v", value, ok, err)
	}
	next, did, err := c.SetIfHash(ctx, key, []byte("6"), client.If{Equal: hash}, time.Hour)
	if !did || err != nil || bytes.Equal(next, hash) {
		t.Errorf("hash equal: %v, %v", did, err)
	}
	if _, did, err = c.SetIfHash(ctx, key, []byte("7"), client.If{Equal: hash}, time.Hour); did || err != nil {
		t.Errorf("old hash: %v, %v", did, err)
	}
	if _, did, err = c.SetIfHash(ctx, key, []byte("8"), client.If{}, time.Hour); !did || err != nil {
		t.Errorf("no condition: %v, %v", did, err)
	}
	same(t, "type", must[string](t)(c.Type(ctx, key)), "scalar")
	same(t, "no type", must[string](t)(c.Type(ctx, []byte("none"))), "")
	stored(false)(c.RaiseTTL(ctx, key, time.Minute))
	stored(true)(c.LowerTTL(ctx, key, time.Minute))
	if ttl, ok, err := c.TTL(ctx, key); !ok || err != nil || ttl > time.Minute || ttl < 50*time.Second {
		t.Errorf("time to live %v, %v, %v", ttl, ok, err)
	}
	if err := c.SetAll(ctx, client.Item{Key: []byte("a"), Value: []byte("A"), TTL: time.Hour}, client.Item{Key: []byte("e"), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	got := must[[][]byte](t)(c.GetAll(ctx, b("a", "none", "e")...))
	if len(got) != 3 || string(got[0]) != "A" || got[1] != nil || got[2] == nil {
		t.Errorf("batch: %q", got)
	}
	same(t, "exists", must[[]bool](t)(c.Exists(ctx, b("a", "none")...)), []bool{true, false})
	large := bytes.Repeat([]byte("x"), 3<<20)
	if err := c.Set(ctx, []byte("large"), large, time.Hour); err != nil {
		t.Fatal(err)
	}
	if v, _, err := c.Get(ctx, []byte("large")); !bytes.Equal(v, large) || err != nil {
		t.Errorf("large: %d bytes, %v", len(v), err)
	}
}

func TestDictionary(t *testing.T) {
	ctx, c := t.Context(), newCache(t, dial(t, ""), nil)
	d := c.Dictionary("d", time.Hour)
	same(t, "missing", must[int](t)(d.Len(ctx)), 0)
	if err := d.Set(ctx, map[string][]byte{"a": []byte("1"), "b": {}}); err != nil {
		t.Fatal(err)
	}
	same(t, "increment", must[int64](t)(d.Increment(ctx, "a", 4)), int64(5))
	same(t, "decrement", must[int64](t)(d.Increment(ctx, "c", -4)), int64(-4))
	got := must[map[string][]byte](t)(d.Get(ctx, "c", "none", "a", "b"))
	if len(got) != 3 || string(got["a"]) != "5" || string(got["c"]) != "-4" || len(got["b"]) != 0 {
		t.Errorf("got %q", got)
	}
	if err := d.Remove(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	same(t, "all", len(must[map[string][]byte](t)(d.All(ctx))), 2)
	same(t, "length", must[int](t)(d.Len(ctx)), 2)
	kept := c.Dictionary("d", time.Minute).KeepTTL()
	if err := kept.Set(ctx, map[string][]byte{"x": nil}); err != nil {
		t.Fatal(err)
	}
	if ttl, _, _ := c.TTL(ctx, []byte("d")); ttl < 50*time.Minute {
		t.Errorf("the time to live was not kept: %v", ttl)
	}
	if err := c.Dictionary("d", time.Minute).Set(ctx, map[string][]byte{"x": nil}); err != nil {
		t.Fatal(err)
	}
	if ttl, _, _ := c.TTL(ctx, []byte("d")); ttl > time.Minute {
		t.Errorf("the time to live was kept: %v", ttl)
	}
	if _, err := c.List("d", time.Hour).Len(ctx); hearth.KindOf(err) != hearth.Precondition && hearth.KindOf(err) != hearth.WrongType {
		t.Errorf("a dictionary as a list: %v", err)
	}
}

func TestSet(t *testing.T) {
	ctx, c := t.Context(), newCache(t, dial(t, ""), nil)
	s := c.SetOf("s", time.Hour)
	same(t, "missing", must[[]bool](t)(s.Contains(ctx, b("a")...)), []bool{false})
	if err := s.Add(ctx, b("a", "b", "c", "d")...); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ctx, b("d", "none")...); err != nil {
		t.Fatal(err)
	}
	same(t, "contains", must[[]bool](t)(s.Contains(ctx, b("a", "d", "c")...)), []bool{true, false, true})
	all := must[[][]byte](t)(s.All(ctx))
	slices.SortFunc(all, bytes.Compare)
	same(t, "all", all, b("a", "b", "c"))
	same(t, "sample", len(must[[][]byte](t)(s.Sample(ctx, 2))), 2)
	same(t, "pop", len(must[[][]byte](t)(s.KeepTTL().Pop(ctx, 2))), 2)
	same(t, "length", must[int](t)(s.Len(ctx)), 1)
}

func TestList(t *testing.T) {
	ctx, c := t.Context(), newCache(t, dial(t, ""), nil)
	l := c.List("l", time.Hour)
	same(t, "back", must[int](t)(l.PushBack(ctx, b("c", "d")...)), 2)
	same(t, "front", must[int](t)(l.PushFront(ctx, b("a", "b")...)), 4)
	same(t, "all", must[[][]byte](t)(l.Range(ctx, 0, client.End)), b("a", "b", "c", "d"))
	same(t, "range", must[[][]byte](t)(l.Range(ctx, -3, -1)), b("b", "c"))
	same(t, "limited", must[int](t)(l.Limit(4).PushBack(ctx, b("e")...)), 4)
	same(t, "all", must[[][]byte](t)(l.Range(ctx, 0, client.End)), b("b", "c", "d", "e"))
	if v, ok, err := l.PopFront(ctx); string(v) != "b" || !ok || err != nil {
		t.Errorf("pop front: %q, %v, %v", v, ok, err)
	}
	if v, ok, err := l.PopBack(ctx); string(v) != "e" || !ok || err != nil {
		t.Errorf("pop back: %q, %v, %v", v, ok, err)
	}
	must[int](t)(l.KeepTTL().PushBack(ctx, b("c", "x", "y")...))
	if err := l.Remove(ctx, []byte("c")); err != nil {
		t.Fatal(err)
	}
	if err := l.Erase(ctx, 0, 1); err != nil {
		t.Fatal(err)
	}
	same(t, "after erase", must[[][]byte](t)(l.Range(ctx, 0, client.End)), b("x", "y"))
	if err := l.Retain(ctx, 1, client.End); err != nil {
		t.Fatal(err)
	}
	same(t, "retained", must[[][]byte](t)(l.Range(ctx, 0, client.End)), b("y"))
	same(t, "length", must[int](t)(l.Len(ctx)), 1)
	if _, ok, err := c.List("none", time.Hour).PopBack(ctx); ok || err != nil {
		t.Errorf("pop of nothing: %v, %v", ok, err)
	}
}

func TestSortedSet(t *testing.T) {
	ctx, c := t.Context(), newCache(t, dial(t, ""), nil)
	s := c.SortedSet("z", time.Hour)
	one, two, three := client.Scored{Value: []byte("one"), Score: 1}, client.Scored{Value: []byte("two"), Score: 2}, client.Scored{Value: []byte("three"), Score: 3}
	if err := s.Put(ctx, three, one, two); err != nil {
		t.Fatal(err)
	}
	same(t, "all", must[[]client.Scored](t)(s.Range(ctx, 0, client.End, client.Ascending)), []client.Scored{one, two, three})
	same(t, "first", must[[]client.Scored](t)(s.Range(ctx, 0, 1, client.Descending)), []client.Scored{three})
	same(t, "by score", must[[]client.Scored](t)(s.RangeByScore(ctx, 2, math.Inf(1), client.Ascending, 0, -1)), []client.Scored{two, three})
	same(t, "skipped", must[[]client.Scored](t)(s.RangeByScore(ctx, math.Inf(-1), 3, client.Ascending, 1, 1)), []client.Scored{two})
	if score, ok, err := s.Score(ctx, []byte("two")); score != 2 || !ok || err != nil {
		t.Errorf("score %v, %v, %v", score, ok, err)
	}
	if _, ok, err := s.Score(ctx, []byte("none")); ok || err != nil {
		t.Errorf("score of nothing: %v, %v", ok, err)
	}
	if rank, ok, err := s.Rank(ctx, []byte("one"), client.Descending); rank != 2 || !ok || err != nil {
		t.Errorf("rank %v, %v, %v", rank, ok, err)
	}
	same(t, "increment", must[float64](t)(s.Increment(ctx, []byte("one"), 0.5)), 1.5)
	same(t, "by score", must[int](t)(s.LenByScore(ctx, 1.5, 2)), 2)
	same(t, "all scores", must[int](t)(s.LenByScore(ctx, math.Inf(-1), math.Inf(1))), 3)
	other := c.SortedSet("other", time.Hour).KeepTTL()
	if err := other.Put(ctx, two); err != nil {
		t.Fatal(err)
	}
	union := c.SortedSet("union", time.Hour)
	same(t, "union", must[int](t)(union.UnionStore(ctx, map[string]float32{"z": 1, "other": 10}, client.Max)), 3)
	if score, _, _ := union.Score(ctx, []byte("two")); score != 20 {
		t.Errorf("score in the union %v", score)
	}
	if err := s.Remove(ctx, []byte("one")); err != nil {
		t.Fatal(err)
	}
	same(t, "length", must[int](t)(s.Len(ctx)), 2)
}

func TestLeaderboard(t *testing.T) {
	ctx, c := t.Context(), newCache(t, dial(t, ""), nil)
	l := c.Leaderboard("points")
	if err := l.Put(ctx, map[uint32]float64{1: 10, 2: 20, 3: 20, 4: 40}); err != nil {
		t.Fatal(err)
	}
	same(t, "top", must[[]client.Ranked](t)(l.Range(ctx, 0, 1, client.Descending)), []client.Ranked{{ID: 4, Rank: 0, Score: 40}})
	same(t, "by score", len(must[[]client.Ranked](t)(l.RangeByScore(ctx, 20, math.Inf(1), client.Ascending, 0, 2))), 2)
	same(t, "rank", must[[]client.Ranked](t)(l.Rank(ctx, client.Ascending, 1, 9)), []client.Ranked{{ID: 1, Rank: 0, Score: 10}})
	ranks := must[[]client.Ranked](t)(l.CompetitionRank(ctx, client.Descending, 2, 3))
	if len(ranks) != 2 || ranks[0].Rank != 1 || ranks[1].Rank != 1 {
		t.Errorf("competition ranks %v", ranks)
	}
	if err := l.Remove(ctx, 1); err != nil {
		t.Fatal(err)
	}
	same(t, "length", must[int](t)(l.Len(ctx)), 3)
	if err := l.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	same(t, "deleted", must[int](t)(l.Len(ctx)), 0)
}

func TestErrors(t *testing.T) {
	c := dial(t, "")
	if _, _, err := c.Cache("no such cache").Get(t.Context(), []byte("k")); hearth.KindOf(err) != hearth.NoCache {
		t.Errorf("no cache: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := c.Cache("c").Get(ctx, []byte("k"))
	if hearth.KindOf(err) != hearth.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	nobody, err := client.New(client.Options{Endpoint: freeAddress(), Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	if err := nobody.Ping(t.Context()); hearth.KindOf(err) != hearth.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := client.New(client.Options{Key: "e30="}); err == nil || !strings.Contains(err.Error(), "api_key") {
		t.Errorf("a key without a key: %v", err)
	}
}

// TestRetries kills the server and starts another one at its place: reads that meet this are made again, increments not.
func TestRetries(t *testing.T) {
	s := own(t)
	c := dial(t, s.addr)
	if err := c.CreateCache(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	s.kill()
	again := make(chan *server, 1)
	go func() {
		time.Sleep(100 * time.Millisecond)
		next, err := serve(s.addr)
		if err != nil {
			t.Error(err)
		}
		again <- next
	}()
	if _, err := c.Cache("c").Increment(t.Context(), []byte("n"), 1, time.Hour); hearth.KindOf(err) != hearth.Unavailable {
		t.Errorf("increment: %v", err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	if next := <-again; next != nil {
		next.kill()
	}
}
