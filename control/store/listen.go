package store

import (
	"context"
	"time"

	"github.com/valkey-io/valkey-go"
)

// ear is a connection that hears of changes.
type ear struct {
	news  chan struct{}
	ended <-chan error
	close func()
}

// listenEvery is how often a lost subscription is tried anew. Polling goes on meanwhile.
const listenEvery = 2 * time.Second

// listen returns a channel that gets something when another gateway has changed the state; nil where that cannot be
// heard of now.
func (v *Valkey) listen(ctx context.Context) <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ear != nil {
		select {
		case <-v.ear.ended:
			v.deafen()
		default:
			return v.ear.news
		}
	}
	if time.Since(v.since) < listenEvery {
		return nil
	}
	v.since = time.Now()
	news := make(chan struct{}, 1)
	c, cancel := v.client.Dedicate()
	ended := c.SetPubSubHooks(valkey.PubSubHooks{OnMessage: func(valkey.PubSubMessage) {
		select {
		case news <- struct{}{}:
		default:
		}
	}})
	if err := c.Do(ctx, c.B().Subscribe().Channel(newsOfIt).Build()).Error(); err != nil {
		c.Close()
		cancel()
		return nil
	}
	v.ear = &ear{news: news, ended: ended, close: func() { c.Close(); cancel() }}
	return news
}

func (v *Valkey) deafen() {
	if v.ear != nil {
		v.ear.close()
		v.ear = nil
	}
}
