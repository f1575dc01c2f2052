package store

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth/control"
)

// Loads tells gateways that share servers of each other's loads: a hash for each cache that has limits and traffic, a field
// for each gateway.
type Loads struct {
	client valkey.Client
	id     string

	mu    sync.Mutex // guards the rest
	count uint64
	heard map[string]heard // by key and field
}

// heard is what a gateway has said last, and when that was new.
type heard struct {
	text string
	at   time.Time
}

const (
	loadPrefix = "h::load:"
	loadFresh  = 3 * time.Second  // of one that says nothing more: it has no traffic, or is gone
	loadLives  = 20 * time.Second // of the hash, and of the field of a gateway that is gone
)

// NewLoads returns the loads of gateways over a client, which stays the caller's. id is this gateway's, unlike all others.
func NewLoads(client valkey.Client, id string) *Loads { return &Loads{client: client, id: id} }

// Exchange tells the others of this gateway's loads, by caches' names, and returns theirs. A zero load takes back what was
// told before.
func (l *Loads) Exchange(ctx context.Context, mine map[string]control.Load) (map[string][]control.Load, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	var names []string
	var cmds valkey.Commands
	for name, load := range mine {
		key := loadPrefix + name
		names = append(names, name)
		if load == (control.Load{}) {
			cmds = append(cmds, l.client.B().Hdel().Key(key).Field(l.id).Build())
		} else {
			cmds = append(cmds, l.client.B().Hset().Key(key).FieldValue().FieldValue(l.id, say(l.count, load)).Build())
		}
		cmds = append(cmds, l.client.B().Expire().Key(key).Seconds(int64(loadLives/time.Second)).Build(),
			l.client.B().Hgetall().Key(key).Build())
	}
	got := l.client.DoMulti(ctx, cmds...)
	others, now, next := map[string][]control.Load{}, time.Now(), map[string]heard{}
	for i, name := range names {
		texts, err := got[3*i+2].AsStrMap()
		if err != nil {
			return nil, unavailable("the loads of other gateways cannot be read", err)
		}
		for id, text := range texts {
			if id == l.id {
				continue
			}
			at := name + " " + id
			h, known := l.heard[at]
			if !known || h.text != text {
				h = heard{text, now}
			}
			next[at] = h
			switch age := now.Sub(h.at); {
			case age > loadLives:
				l.client.Do(ctx, l.client.B().Hdel().Key(loadPrefix+name).Field(id).Build())
			case age <= loadFresh:
				others[name] = append(others[name], hear(text))
			}
		}
	}
	l.heard = next
	return others, nil
}

// say spells a load after a count that makes each message unlike the one before.
func say(count uint64, l control.Load) string {
	return fmt.Sprint(strconv.FormatUint(count, 36), " ", l.Requests, " ", l.Throughput, " ", l.Publishes, " ", l.Connections, " ", l.Subscriptions)
}

func hear(text string) (l control.Load) {
	var count string
	_, _ = fmt.Sscan(text, &count, &l.Requests, &l.Throughput, &l.Publishes, &l.Connections, &l.Subscriptions)
	return l
}
