package crowd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/client"
)

// reality is the world of real sockets.
type reality struct {
	ctx    context.Context // of everything that environments ask
	o      *Options
	origin *origin
	cache  string
	began  time.Time
}

// line is what a real environment has open.
type line struct {
	client *client.Client // nil where it speaks RESP, or needs no hearth
	resp   *respConn
	origin *http.Client
}

func (w *reality) now() time.Duration { return time.Since(w.began) }

func (w *reality) sleep(d time.Duration, then func()) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.ctx.Done():
	}
	then()
}

func lineOf(e *environment) *line {
	if e.line == nil {
		e.line = &line{}
	}
	return e.line.(*line)
}

func (w *reality) connect(e *environment, then func(answer)) {
	l := lineOf(e)
	if n := len(w.o.RESP); n > 0 {
		begun := time.Now()
		var err error
		l.resp, err = dialRESP(w.ctx, w.o.RESP[e.id%n], w.cache, w.o.Key)
		then(answer{dial: time.Since(begun), err: err})
		return
	}
	var err error
	if l.client, err = w.o.Connect(e.id); err != nil {
		then(answer{err: err})
		return
	}
	then(timed(w.ctx, func(ctx context.Context) (bool, error) { return false, l.client.Ping(ctx) }))
}

func (w *reality) disconnect(e *environment) {
	l := lineOf(e)
	if l.client != nil {
		l.client.Close()
	}
	if l.resp != nil {
		l.resp.Close()
	}
	if l.origin != nil {
		l.origin.CloseIdleConnections()
	}
}

// timed makes one request over HTTP and takes its times apart.
func timed(ctx context.Context, f func(context.Context) (hit bool, err error)) (a answer) {
	begun := time.Now()
	var got, wrote atomic.Int64 // since then
	trace := &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			if !i.Reused {
				got.Store(int64(time.Since(begun)))
			}
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { wrote.Store(int64(time.Since(begun))) },
	}
	a.hit, a.err = f(httptrace.WithClientTrace(ctx, trace))
	a.dial = time.Duration(got.Load())
	a.took = time.Since(begun) - time.Duration(wrote.Load())
	return a
}

func (w *reality) get(e *environment, key int, then func(answer)) {
	l := lineOf(e)
	var v []byte
	var a answer
	switch {
	case l.resp != nil:
		v, a = l.resp.get(w.ctx, keyName(key))
	case l.client != nil:
		a = timed(w.ctx, func(ctx context.Context) (ok bool, err error) {
			v, ok, err = l.client.Cache(w.cache).Get(ctx, []byte(keyName(key)))
			return ok, err
		})
	}
	if a.hit && a.err == nil {
		a.err = w.origin.check(key, v)
	}
	then(a)
}

func (w *reality) set(e *environment, key int, then func(answer)) {
	l := lineOf(e)
	v := w.origin.value(key)
	switch {
	case l.resp != nil:
		then(l.resp.set(w.ctx, keyName(key), v, w.o.Scene.ItemTTL))
	case l.client != nil:
		then(timed(w.ctx, func(ctx context.Context) (bool, error) {
			return false, l.client.Cache(w.cache).Set(ctx, []byte(keyName(key)), v, w.o.Scene.ItemTTL)
		}))
	default:
		then(answer{})
	}
}

func (w *reality) load(e *environment, key int, then func(answer)) {
	l := lineOf(e)
	if l.origin == nil {
		l.origin = &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	}
	a := timed(w.ctx, func(ctx context.Context) (bool, error) {
		v, err := fetch(ctx, l.origin, w.origin.url(key))
		if err == nil {
			err = w.origin.check(key, v)
		}
		return false, err
	})
	then(a)
}

// fetch is a GET.
func fetch(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the origin answered %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, ValueBytesMax+1))
}

const keyPrefix = "item-"

func keyName(key int) string { return fmt.Sprint(keyPrefix, key) }

// valueOf is what the crowd's own origin has under a key.
func valueOf(key, size int) []byte {
	text := keyName(key) + " "
	return []byte(strings.Repeat(text, size/len(text)+1)[:size])
}
