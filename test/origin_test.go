package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestOneLoadByHearth has two hundred environments miss the same item at once on a cache with an origin, over gRPC, RESP
// and HTTP: all get hits, and the origin sees one request.
func TestOneLoadByHearth(t *testing.T) {
	var requests atomic.Int64
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		time.Sleep(200 * time.Millisecond) // the origin takes its time
		fmt.Fprint(w, "loaded "+r.URL.Path)
	}))
	defer source.Close()
	s := start(t, "--origin-allow", "127.0.0.0/8")
	admin := s.dial(t)
	if err := admin.CreateCache(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, "cache", "set", "default", "origin="+source.URL+"/{key}", "freshness=balanced"); code != 0 {
		t.Fatal(stderr)
	}
	const want = "loaded /hot"
	rdb := redis.NewClient(&redis.Options{Addr: s.RESP, PoolSize: 100, ReadTimeout: 20 * time.Second})
	defer rdb.Close()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			var got string
			var err error
			switch i % 3 {
			case 0:
				var v []byte
				v, _, err = admin.Cache("default").Get(t.Context(), []byte("hot"))
				got = string(v)
			case 1:
				got, err = rdb.Get(t.Context(), "hot").Result()
			default:
				got, err = s.getByHTTP("hot")
			}
			if err != nil || got != want {
				t.Errorf("environment %d got %q, %v", i, got, err)
			}
		})
	}
	wg.Wait()
	if n := requests.Load(); n != 1 {
		t.Errorf("the origin saw %d requests", n)
	}
}

func (s *server) getByHTTP(key string) (string, error) {
	r, err := http.Get("http://" + s.Listen + "/cache/default?key=" + key)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), err
}
