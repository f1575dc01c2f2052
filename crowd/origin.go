package crowd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// origin is an HTTP server that stands for S3 or a database: it counts loads, takes its time for each, and answers with
// values of its own, or with what the origin behind it has. Objects are read by GET of their path, as from a public
// bucket.
type origin struct {
	scene  *Scene
	behind func(ctx context.Context, key string) ([]byte, error) // nil where values are its own
	server *http.Server
	addr   net.Addr

	mu    sync.Mutex // guards the rest
	began time.Time
	loads []load
	probe bool          // the probe has come
	slots chan struct{} // of loads that are answered now; nil is any number
	kept  map[int][]byte
}

const (
	probe   = "probe"
	keyMark = "{key}"
)

// listen starts the origin.
func listen(o *Options) (*origin, error) {
	l, err := net.Listen("tcp", o.OriginListen)
	if err != nil {
		return nil, err
	}
	or := &origin{scene: &o.Scene, behind: o.Behind, addr: l.Addr()}
	or.begin()
	or.server = &http.Server{Handler: or, ReadHeaderTimeout: time.Minute}
	go func() { _ = or.server.Serve(l) }() // until close
	return or, nil
}

func (o *origin) close() error { return o.server.Close() }

func (o *origin) host() string { return o.addr.(*net.TCPAddr).IP.String() }

func (o *origin) template() string { return "http://" + o.addr.String() + "/" + keyMark }

func (o *origin) url(key int) string { return strings.Replace(o.template(), keyMark, keyName(key), 1) }

// begin begins a day: nothing has been counted.
func (o *origin) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.began, o.loads, o.slots, o.kept = time.Now(), nil, nil, map[int][]byte{}
	if n := o.scene.Parallel; n > 0 {
		o.slots = make(chan struct{}, n)
	}
}

// end returns the loads of the day.
func (o *origin) end() []load {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.loads
}

func (o *origin) seen() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.loads)
}

func (o *origin) probed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.probe
}

// ServeHTTP answers one load.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == probe {
		o.mu.Lock()
		o.probe = true
		o.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	key, err := strconv.Atoi(strings.TrimPrefix(name, keyPrefix))
	if err != nil || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	slots, latency := o.count(key)
	if slots != nil {
		slots <- struct{}{}
		defer func() { <-slots }()
	}
	arrived := time.Now()
	v := valueOf(key, o.scene.ValueBytes)
	if o.behind != nil {
		if v, err = o.ask(r.Context(), key); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
	time.Sleep(latency - time.Since(arrived)) // what the origin behind took is part of it
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(v)
}

func (o *origin) count(key int) (slots chan struct{}, latency time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.loads = append(o.loads, load{key, time.Since(o.began)})
	return o.slots, o.scene.Latency
}

// ask loads from the origin behind, and keeps what it said for check and value.
func (o *origin) ask(ctx context.Context, key int) ([]byte, error) {
	v, err := o.behind(ctx, keyName(key))
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept[key] = v
	return v, nil
}

// value is what an environment has loaded under a key.
func (o *origin) value(key int) []byte {
	if o.behind == nil {
		return valueOf(key, o.scene.ValueBytes)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept[key]
}

// check returns an error where a value is not the key's.
func (o *origin) check(key int, v []byte) error {
	if want := o.value(key); string(v) != string(want) {
		return fmt.Errorf("%s: got %d bytes that are not the %d of the origin", keyName(key), len(v), len(want))
	}
	return nil
}
