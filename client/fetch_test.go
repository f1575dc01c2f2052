package client_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
)

var hour = client.FetchOptions{TTL: time.Hour}

// loader counts its calls.
type loader struct {
	calls atomic.Int64
	delay time.Duration
	value string
	err   error
}

func (l *loader) load(ctx context.Context) ([]byte, error) {
	l.calls.Add(1)
	select {
	case <-time.After(l.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return []byte(l.value), l.err
}

// processes are clients with connections of their own to one server, as processes of a fleet have them.
func processes(t *testing.T, n int) []*client.Cache {
	t.Helper()
	first := newCache(t, dial(t, ""), nil)
	all := []*client.Cache{first}
	for len(all) < n {
		all = append(all, dial(t, "").Cache(first.Name()))
	}
	return all
}

func TestFetchLoadsOnceForTheFleet(t *testing.T) {
	l := &loader{delay: 200 * time.Millisecond, value: "loaded"}
	var wg sync.WaitGroup
	for _, c := range processes(t, 5) {
		for range 40 {
			wg.Go(func() {
				v, err := c.Fetch(t.Context(), []byte("k"), l.load, hour)
				if string(v) != "loaded" || err != nil {
					t.Errorf("got %q, %v", v, err)
				}
			})
		}
	}
	wg.Wait()
	if n := l.calls.Load(); n != 1 {
		t.Errorf("%d loads", n)
	}
}

func TestFetchGivesEachCallerItsOwnBytes(t *testing.T) {
	c := processes(t, 1)[0]
	l := &loader{delay: 100 * time.Millisecond, value: "loaded"}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			v, err := c.Fetch(t.Context(), []byte("k"), l.load, hour)
			if err != nil || string(v) != "loaded" {
				t.Errorf("got %q, %v", v, err)
				return
			}
			v[0] = 'X'
		})
	}
	wg.Wait()
}

func TestFetchAfterALoaderThatFails(t *testing.T) {
	ps := processes(t, 2)
	broken := errors.New("broken")
	first := &loader{delay: 200 * time.Millisecond, err: broken}
	second := &loader{value: "second"}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := ps[0].Fetch(t.Context(), []byte("k"), first.load, hour); err != broken {
			t.Errorf("the first got %v", err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	wg.Go(func() {
		if v, err := ps[1].Fetch(t.Context(), []byte("k"), second.load, hour); string(v) != "second" || err != nil {
			t.Errorf("the second got %q, %v", v, err)
		}
	})
	wg.Wait()
	if first.calls.Load() != 1 || second.calls.Load() != 1 {
		t.Errorf("%d and %d loads", first.calls.Load(), second.calls.Load())
	}
}

func TestFetchAfterALoaderThatHangs(t *testing.T) {
	ps := processes(t, 2)
	o := hour
	o.Load = 300 * time.Millisecond
	var wg sync.WaitGroup
	wg.Go(func() {
		hung := &loader{delay: time.Hour}
		if _, err := ps[0].Fetch(t.Context(), []byte("k"), hung.load, o); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who hung got %v", err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	next := &loader{value: "next"}
	if v, err := ps[1].Fetch(t.Context(), []byte("k"), next.load, o); string(v) != "next" || err != nil {
		t.Errorf("the next got %q, %v", v, err)
	}
	wg.Wait()
}

// TestFetchWithoutTheLoadersPatience has the caller who loads go away: another one in the process loads.
func TestFetchWithoutTheLoadersPatience(t *testing.T) {
	c := processes(t, 1)[0]
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	l := &loader{delay: 300 * time.Millisecond, value: "loaded"}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := c.Fetch(ctx, []byte("k"), l.load, hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who went away got %v", err)
		}
	})
	time.Sleep(20 * time.Millisecond)
	if v, err := c.Fetch(t.Context(), []byte("k"), l.load, hour); string(v) != "loaded" || err != nil {
		t.Errorf("who stayed got %q, %v", v, err)
	}
	wg.Wait()
	waits, over := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer over()
	slow := &loader{delay: 500 * time.Millisecond, value: "slow"}
	wg.Go(func() { _, _ = c.Fetch(t.Context(), []byte("slow"), slow.load, hour) })
	time.Sleep(10 * time.Millisecond)
	if _, err := c.Fetch(waits, []byte("slow"), slow.load, hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who could not wait got %v", err)
	}
	wg.Wait()
}

func TestFetchServesTheOldWhereTheLoaderFails(t *testing.T) {
	ps := processes(t, 2)
	var told []error
	o := client.FetchOptions{TTL: 50 * time.Millisecond, Stale: time.Hour, Load: 400 * time.Millisecond, Failed: func(err error) { told = append(told, err) }}
	good, bad := &loader{value: "old"}, &loader{err: errors.New("broken")}
	fetch := func(c *client.Cache, l *loader, want string) {
		t.Helper()
		if v, err := c.Fetch(t.Context(), []byte("k"), l.load, o); string(v) != want || err != nil {
			t.Errorf("got %q, %v; want %q", v, err, want)
		}
	}
	fetch(ps[0], good, "old")
	time.Sleep(60 * time.Millisecond)
	for range 5 {
		fetch(ps[0], bad, "old")
		fetch(ps[1], bad, "old")
	}
	if n := bad.calls.Load(); n != 1 {
		t.Errorf("%d loads while the failure was fresh", n)
	}
	if len(told) != 1 || told[0].Error() != "broken" {
		t.Errorf("told of %v", told)
	}
	time.Sleep(400 * time.Millisecond)
	good.value = "new"
	fetch(ps[1], good, "new")
	fetch(ps[0], bad, "new")
}

// TestFetchIsOvertaken deletes the key while it is loaded: what was loaded is not stored.
func TestFetchIsOvertaken(t *testing.T) {
	for name, write := range map[string]func(*client.Cache) error{
		"delete": func(c *client.Cache) error { return c.Delete(context.Background(), []byte("k")) },
		"set":    func(c *client.Cache) error { return c.Set(context.Background(), []byte("k"), []byte("set"), time.Hour) },
		"flush":  func(c *client.Cache) error { return c.Client().FlushCache(context.Background(), c.Name()) },
	} {
		t.Run(name, func(t *testing.T) {
			ps := processes(t, 2)
			v, err := ps[0].Fetch(t.Context(), []byte("k"), func(context.Context) ([]byte, error) {
				return []byte("old"), write(ps[1])
			}, hour)
			if string(v) != "old" || err != nil {
				t.Errorf("the loader's caller got %q, %v", v, err)
			}
			if v, ok, err := ps[0].Get(t.Context(), []byte("k")); string(v) == "old" || ok != (name == "set") || err != nil {
				t.Errorf("stored: %q, %v, %v", v, ok, err)
			}
		})
	}
}

func TestFetchWithoutTheCache(t *testing.T) {
	s := own(t)
	c := dial(t, s.addr).Cache("c")
	if err := c.Client().CreateCache(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client().Cache("none").Fetch(t.Context(), []byte("k"), (&loader{}).load, hour); hearth.KindOf(err) != hearth.NoCache {
		t.Errorf("no such cache: %v", err)
	}
	s.kill()
	l := &loader{value: "loaded"}
	o := hour
	var told error
	o.Failed = func(err error) { told = err }
	if v, err := c.Fetch(t.Context(), []byte("k"), l.load, o); string(v) != "loaded" || err != nil || hearth.KindOf(told) != hearth.Unavailable {
		t.Errorf("got %q, %v, told %v", v, err, told)
	}
	if _, err := c.Fetch(t.Context(), []byte("k"), l.load, client.FetchOptions{}); hearth.KindOf(err) != hearth.Invalid {
		t.Errorf("no time to live: %v", err)
	}
}

// TestFetchAfterAPanic has a loader panic: the next caller is not left waiting.
func TestFetchAfterAPanic(t *testing.T) {
	c := processes(t, 1)[0]
	o := hour
	o.Load = 200 * time.Millisecond
	func() {
		defer func() { _ = recover() }()
		_, _ = c.Fetch(t.Context(), []byte("k"), func(context.Context) ([]byte, error) { panic("loader") }, o)
	}()
	l := &loader{value: "loaded"}
	if v, err := c.Fetch(t.Context(), []byte("k"), l.load, o); string(v) != "loaded" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
}

func TestTags(t *testing.T) {
	c := processes(t, 1)[0]
	if err := c.SetTagged(t.Context(), []byte("set"), []byte("v"), time.Hour, "red", "fruit"); err != nil {
		t.Fatal(err)
	}
	l := &loader{value: "loaded"}
	o := hour
	o.Tags = []string{"fruit"}
	if _, err := c.Fetch(t.Context(), []byte("fetched"), l.load, o); err != nil {
		t.Fatal(err)
	}
	wants(t, c, "set", "v")
	wants(t, c, "fetched", "loaded")
	if err := c.Invalidate(t.Context(), "red"); err != nil {
		t.Fatal(err)
	}
	wants(t, c, "set", "")
	wants(t, c, "fetched", "loaded")
	if err := c.Invalidate(t.Context(), "fruit", "other"); err != nil {
		t.Fatal(err)
	}
	wants(t, c, "fetched", "")
	if err := c.SetTagged(t.Context(), []byte("k"), nil, time.Hour, "not one"); hearth.KindOf(err) != hearth.Invalid {
		t.Errorf("a tag with a space: %v", err)
	}
}
