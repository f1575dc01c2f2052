package crowd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
)

// stage is what days with real sockets share: the origin, and a client of each gateway for the caches.
type stage struct {
	o        *Options
	day      []Invocation
	origin   *origin
	gateways []*client.Client
}

func newStage(ctx context.Context, o *Options, day []Invocation) (*stage, error) {
	if err := enoughFiles(o.Scene.Environments); err != nil {
		return nil, err
	}
	st := &stage{o: o, day: day}
	for n := range max(1, o.Gateways) {
		c, err := o.Connect(n)
		if err != nil {
			return nil, errors.Join(err, st.close())
		}
		st.gateways = append(st.gateways, c)
		if err := c.Ping(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("no hearth to play the day against (start one with: hearth serve --origin-allow 127.0.0.0/8): %w", err), st.close())
		}
	}
	var err error
	if st.origin, err = listen(o); err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

// An environment has a connection to hearth and one to the origin, whose other end is here too.
const (
	filesEach  = 3
	filesOther = 200
)

// enoughFiles returns an error where this process may not have as many connections as it needs.
func enoughFiles(environments int) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Cur >= uint64(filesEach*environments+filesOther) {
		return nil
	}
	return fmt.Errorf("%d environments need %d open files, and this process may have %d (ulimit -n): raise it, take fewer, or use --model",
		environments, filesEach*environments+filesOther, l.Cur)
}

func (st *stage) close() error {
	for _, c := range st.gateways {
		c.Close()
	}
	if st.origin == nil {
		return nil
	}
	return st.origin.close()
}

// play plays the day with one strategy.
func (st *stage) play(ctx context.Context, how Strategy) (*Result, error) {
	w := &reality{ctx: ctx, o: st.o, origin: st.origin}
	if how.shared {
		w.cache = st.o.Cache + "-" + how.Name
		// Whatever happens, also to ctx, the cache goes.
		defer func() { _ = st.gateways[0].DeleteCache(context.WithoutCancel(ctx), w.cache) }()
		if err := st.prepare(ctx, w.cache, how); err != nil {
			return nil, err
		}
	}
	if how.origin && !st.loads(ctx, w.cache) {
		return &Result{Strategy: how.Name, Title: how.Title,
			Skipped: "this hearth does not load from " + st.origin.host() + ": start it with --origin-allow, here 127.0.0.0/8"}, nil
	}
	t := newTally(how, st.day)
	p := &platform{scene: &st.o.Scene, how: how, world: w, tally: t}
	st.origin.begin()
	w.began = time.Now()

	var all sync.WaitGroup
	over, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go st.watch(over, watched, p)
	for i := range st.day {
		if w.sleep(st.day[i].At-w.now(), func() {}); ctx.Err() != nil {
			break
		}
		t.came(w.now() - st.day[i].At)
		e, cold := p.arrive(w.now())
		all.Go(func() { p.run(e, cold, i, &st.day[i], func() {}) })
	}
	all.Wait()
	took := w.now()
	stop()
	<-watched
	for _, e := range p.idle {
		w.disconnect(e)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	started, _ := p.counts()
	r := t.result(how, started, st.origin.end())
	r.Took = took
	return r, nil
}

const watchEvery = 500 * time.Millisecond

// watch reports progress until ctx ends.
func (st *stage) watch(ctx context.Context, done chan<- struct{}, p *platform) {
	defer close(done)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	length := st.o.Scene.length()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		started, _ := p.counts()
		part := min(0.99, float64(p.world.now())/float64(length))
		st.o.Progress(Progress{Strategy: p.how.Title, Done: part, Environments: started, Reads: p.tally.reads(), OriginLoads: st.origin.seen()})
	}
}

// prepare makes an empty cache for a strategy, and waits until every gateway knows it as it is.
func (st *stage) prepare(ctx context.Context, cache string, how Strategy) error {
	s, c := &st.o.Scene, st.gateways[0]
	if err := c.DeleteCache(ctx, cache); err != nil && hearth.KindOf(err) != hearth.NoCache && hearth.KindOf(err) != hearth.NotFound {
		return err
	}
	if err := c.CreateCache(ctx, cache); err != nil {
		return err
	}
	want := map[string]string{}
	if how.collapse {
		want["collapse"], want["collapse-wait"], want["collapse-load"] = "on", s.CollapseWait.String(), s.CollapseLoad.String()
	}
	if how.origin {
		want["origin"], want["fresh"], want["origin-timeout"] = st.origin.template(), s.ItemTTL.String(), min(time.Minute, max(2*time.Second, 10*s.Latency)).String()
	}
	path := "/admin/caches/" + url.PathEscape(cache)
	if len(want) > 0 {
		if err := c.HTTP(ctx, http.MethodPatch, path, nil, map[string]any{"settings": want}, nil); err != nil {
			return err
		}
	}
	for _, c := range st.gateways {
		if err := known(ctx, c, path, want); err != nil {
			return err
		}
	}
	return nil
}

const knownWithin = 5 * time.Second

// known waits until a gateway knows a cache with these settings.
func known(ctx context.Context, c *client.Client, path string, want map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, knownWithin)
	defer cancel()
	for {
		var got struct {
			Settings map[string]string `json:"settings"`
		}
		err := c.HTTP(ctx, http.MethodGet, path, nil, nil, &got)
		if err == nil && maps.Equal(got.Settings, want) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("a gateway does not know the cache after %v: has %v, %w", knownWithin, got.Settings, errors.Join(err, ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// loads reports whether hearth can reach the origin.
func (st *stage) loads(ctx context.Context, cache string) bool {
	_, _, _ = st.gateways[0].Cache(cache).Get(ctx, []byte(probe))
	return st.origin.probed()
}
