package webhook

import (
	"container/heap"
	"fmt"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/topics"
)

// lane is a webhook with the messages that wait for its receiver. It is guarded by its Sender.
type lane struct {
	hook     Hook
	sub      topics.Sub      // nil where subscribing failed, or another sender has the lease
	until    time.Time       // when the lease ends, where there are any
	next     topics.Position // of the message that is taken next
	to       *destination
	queue    []topics.Message // the first is delivered before the second is
	bytes    int
	attempts int       // failed, of the first
	due      time.Time // not to be tried before

	busy    bool         // a delivery is under way
	at      *destination // of the delivery under way, which to may have moved away from
	waiting bool         // among Sender.ready or destination.waiting
	timer   time.Time    // the earliest at which it stands among Sender.timers; zero: at none
	closed  bool
}

func (l *lane) pop() {
	l.bytes -= len(l.queue[0].Bytes)
	l.queue[0] = topics.Message{}
	l.queue = l.queue[1:]
	l.attempts = 0
	l.due = time.Time{}
	if len(l.queue) == 0 {
		l.queue = nil
	}
}

// pull takes what the lane's topic has. What finds no room is given up, the oldest first, but not one under way.
func (s *Sender) pull(l *lane) {
	if l.closed || l.sub == nil {
		return
	}
	ms := make([]topics.Message, 64)
	for {
		n, gap, err := l.sub.Take(ms, hearth.WebhookQueueBytesMax)
		if err != nil {
			return // the cache is gone; Set will take the lane away
		}
		if gap != nil && (gap.Last != 0 || gap.Next != 1) {
			s.giveUp(Dead{Hook: l.hook, Message: topics.Message{Topic: l.hook.Topic, Sequence: gap.Last + 1, Page: gap.Page},
				Reason: fmt.Sprintf("messages up to %d left the topic's ring before they were taken", gap.Next-1)})
		}
		for _, m := range ms[:n] {
			l.queue = append(l.queue, m)
			l.next = topics.Position{Sequence: m.Sequence + 1, Page: m.Page}
			l.bytes += len(m.Bytes)
		}
		s.shed(l)
		if n == 0 && gap == nil {
			return
		}
	}
}

// shed gives up the oldest messages beyond the bounds of the queue.
func (s *Sender) shed(l *lane) {
	for len(l.queue) > 2 && (len(l.queue) > hearth.WebhookQueueMessagesMax || l.bytes > hearth.WebhookQueueBytesMax) {
		m := l.queue[1]
		l.bytes -= len(m.Bytes)
		l.queue[1] = l.queue[0]
		l.queue = l.queue[1:]
		s.giveUp(Dead{Hook: l.hook, Message: m, Reason: "too many messages wait for the receiver"})
	}
}

// destination is what lanes to the same receiver share: its circuit breaker and its share of deliveries under way. It is
// guarded by the Sender.
type destination struct {
	key         string
	lanes       int
	underWay    int
	failures    int       // in a row
	closedUntil time.Time // after failures, nothing is tried before
	waiting     []*lane   // for a delivery under way to end
}

// most returns how many deliveries may be under way.
func (d *destination) most() int {
	if d.failures >= hearth.WebhookBreakerFailures {
		return 1
	}
	return hearth.WebhookDestinationMax
}

func (d *destination) succeeded() { d.failures, d.closedUntil = 0, time.Time{} }

func (d *destination) failed(now time.Time, delay func(n int) time.Duration) {
	if d.failures++; d.failures >= hearth.WebhookBreakerFailures {
		d.closedUntil = now.Add(delay(d.failures - hearth.WebhookBreakerFailures + 1))
	}
}

// timers is a heap of lanes by when they are to be considered again.
type timers []timed

type timed struct {
	due  time.Time
	lane *lane
}

func (t *timers) push(x timed) { heap.Push((*timedHeap)(t), x) }
func (t *timers) pop() *lane   { return heap.Pop((*timedHeap)(t)).(timed).lane }

type timedHeap []timed

// Len implements heap.Interface.
func (h timedHeap) Len() int { return len(h) }

// Less implements heap.Interface.
func (h timedHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

// Swap implements heap.Interface.
func (h timedHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *timedHeap) Push(x any) { *h = append(*h, x.(timed)) }

// Pop implements heap.Interface.
func (h *timedHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = timed{}
	*h = (*h)[:last]
	return x
}
