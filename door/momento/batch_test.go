package momento_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/pb"
)

// narrow is a call whose reader takes a few bytes at a time.
type narrow struct {
	h2.Call
	room, most int
}

func (c *narrow) Room() int { return c.room }

func (c *narrow) End(b []byte) {
	if c.room <= 0 {
		c.most = max(c.most, -c.room)
	}
	c.room -= len(b)
	c.Call.End(b)
}

func (c *narrow) Stream(pump, closed func()) {
	c.Call.Stream(func() {
		c.room = 10
		pump()
		if c.room <= 0 {
			c.Call.Wake() // the reader has taken what was there
		}
	}, closed)
}

func TestBatchWaitsForItsReader(t *testing.T) {
	check := func(e engine.Engine) {
		t.Helper()
		h := newHandlerOn(t, e)
		set, get := &pb.XSetBatchRequest{}, &pb.XGetBatchRequest{}
		for i := range 300 {
			key := fmt.Append(nil, i)
			set.Items = append(set.Items, &pb.XSetRequest{CacheKey: key, CacheBody: key, TtlMilliseconds: 60_000})
			get.Items = append(get.Items, &pb.XGetRequest{CacheKey: key})
		}
		mustOK(t, direct(h, "/cache_client.Scs/SetBatch", cacheName, marshal(t, set)))
		var c *narrow
		slowly := handlerFunc(func(call h2.Call) {
			c = &narrow{Call: call, room: 10}
			h.ServeCall(c)
		})
		a := mustOK(t, direct(slowly, "/cache_client.Scs/GetBatch", cacheName, marshal(t, get)))
		if len(a.messages) != 300 {
			t.Fatalf("%d answers", len(a.messages))
		}
		for i, m := range a.messages {
			if want := fmt.Append([]byte{0x08, 0x02, 0x12, byte(len(fmt.Sprint(i)))}, i); !bytes.Equal(m, want) {
				t.Fatalf("answer %d is %q", i, m)
			}
		}
		if c.most > 0 {
			t.Errorf("an answer was sent with %d bytes too many waiting", c.most)
		}
	}

	check(local.New(local.Options{}))
	check(slow{local.New(local.Options{})})
}

func TestBatchOfWhichNothingRunsWhenOneCannot(t *testing.T) {
	h := newHandler(t)
	in := &pb.XSetBatchRequest{Items: []*pb.XSetRequest{
		{CacheKey: []byte("k"), CacheBody: []byte("v"), TtlMilliseconds: 1000},
		{CacheKey: []byte("k"), CacheBody: []byte("v")}, // no time to live
	}}
	if a := direct(h, "/cache_client.Scs/SetBatch", cacheName, marshal(t, in)); a.status.Code != 3 || len(a.messages) != 0 {
		t.Errorf("%+v", a)
	}
	if a := direct(h, "/cache_client.Scs/Get", cacheName, getK); string(a.messages[0]) != "\x08\x03" {
		t.Errorf("the first item was stored: %q", a.messages)
	}
}

func TestBatchEndsWithItsClient(t *testing.T) {
	h := newHandlerOn(t, slow{local.New(local.Options{})})
	get := &pb.XGetBatchRequest{}
	for range 1000 {
		get.Items = append(get.Items, &pb.XGetRequest{CacheKey: []byte("k")})
	}
	sent := 0
	var conn any
	x := &momento.Exchange{Path: "/cache_client.Scs/GetBatch", Body: marshal(t, get), Conn: &conn,
		Output: func([]byte) error {
			if sent++; sent > 10 {
				return errors.New("the client has gone")
			}
			return nil
		}}
	x.Value = func(name string) []byte {
		if name == "cache" {
			return []byte(cacheName)
		}
		return nil
	}
	if s := x.Run(context.Background(), h); s.Code != 1 {
		t.Errorf("status %+v after %d messages", s, sent)
	}
}
