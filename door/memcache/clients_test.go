package memcache

import (
	"net"
	"os/exec"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
)

func TestGoMemcache(t *testing.T) {
	c := memcache.New(serve(t))
	defer c.Close()
	if err := c.Set(&memcache.Item{Key: "k", Value: []byte("v"), Flags: 7, Expiration: 60}); err != nil {
		t.Fatal(err)
	}
	it, err := c.Get("k")
	if err != nil || string(it.Value) != "v" || it.Flags != 7 {
		t.Fatal(it, err)
	}
	it.Value = []byte("w")
	if err := c.CompareAndSwap(it); err != nil {
		t.Error(err)
	}
	it.Value = []byte("x")
	if err := c.CompareAndSwap(it); err != memcache.ErrCASConflict {
		t.Error(err)
	}
	if err := c.Add(&memcache.Item{Key: "k", Value: []byte("y")}); err != memcache.ErrNotStored {
		t.Error(err)
	}
	if err := c.Set(&memcache.Item{Key: "n", Value: []byte("10")}); err != nil {
		t.Error(err)
	}
	if n, err := c.Decrement("n", 3); n != 7 || err != nil {
		t.Error(n, err)
	}
	if m, err := c.GetMulti([]string{"k", "n", "none"}); len(m) != 2 || err != nil {
		t.Error(m, err)
	}
	if err := c.Touch("k", 100); err != nil {
		t.Error(err)
	}
	if err := c.Delete("k"); err != nil {
		t.Error(err)
	}
	if _, err := c.Get("k"); err != memcache.ErrCacheMiss {
		t.Error(err)
	}
	if err := c.DeleteAll(); err != nil {
		t.Error(err)
	}
	if err := c.Ping(); err != nil {
		t.Error(err)
	}
}

// libmemcached's own check of servers, every case of the text protocol.
func TestMemcapable(t *testing.T) {
	host, port, _ := net.SplitHostPort(serve(t))
	out, err := exec.Command("memccapable", "-a", "-h", host, "-p", port).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
