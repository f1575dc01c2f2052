package valkey

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/topics"
	"github.com/hearthcache/hearth/topics/webhook"
)

// A webhook has two keys in one slot: who delivers it, and what comes next.
func leaseKeys(l *webhook.Lease) []string {
	space := strconv.FormatUint(uint64(l.Space), 36)
	key := "h:" + space + ":{" + space + ".hook." + l.Name + "." + l.Topic + "}"
	return []string{key + "lease", key + "next"}
}

// notedFor is for how long it is remembered where a webhook's deliveries have stopped.
const notedFor = 24 * time.Hour

// heldAtOnce bounds how many leases are asked for at once.
const heldAtOnce = 16

// Hold implements webhook.Leases.
func (b *Broker) Hold(ctx context.Context, leases []webhook.Lease) {
	eachLease(leases, func(l *webhook.Lease) {
		args := []string{b.name, millis(hearth.WebhookLease), strconv.FormatUint(l.Next.Page, 10), strconv.FormatUint(l.Next.Sequence, 10),
			millis(notedFor)}
		got, err := b.script.hold.Exec(ctx, b.o.Client, leaseKeys(l), args).ToArray()
		if err != nil {
			l.Err = err
			return
		}
		var said int64
		said, l.Err = got[0].AsInt64()
		l.Held, l.Fresh = said > 0, said == 2
		if l.Fresh {
			l.Next, l.Err = positionOf(got[1:])
		}
	})
}

func positionOf(got []valkey.ValkeyMessage) (p topics.Position, err error) {
	if len(got) != 2 {
		return p, errors.New("a lease was answered with something else")
	}
	page, err := got[0].ToString()
	if err != nil {
		return p, err
	}
	number, err := got[1].ToString()
	if err != nil {
		return p, err
	}
	if p.Page, err = strconv.ParseUint(page, 10, 64); err != nil {
		return p, err
	}
	p.Sequence, err = strconv.ParseUint(number, 10, 64)
	return p, err
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Release implements webhook.Leases. What does not arrive expires.
func (b *Broker) Release(ctx context.Context, leases []webhook.Lease, deleted bool) {
	gone := "0"
	if deleted {
		gone = "1"
	}
	eachLease(leases, func(l *webhook.Lease) {
		args := []string{b.name, strconv.FormatUint(l.Next.Page, 10), strconv.FormatUint(l.Next.Sequence, 10), gone}
		l.Err = b.script.release.Exec(ctx, b.o.Client, leaseKeys(l), args).Error()
	})
}

// eachLease does something for all leases, several at once.
func eachLease(leases []webhook.Lease, do func(*webhook.Lease)) {
	work := make(chan *webhook.Lease, len(leases))
	for i := range leases {
		work <- &leases[i]
	}
	close(work)
	var wg sync.WaitGroup
	for range min(heldAtOnce, len(leases)) {
		wg.Go(func() {
			for l := range work {
				do(l)
			}
		})
	}
	wg.Wait()
}
