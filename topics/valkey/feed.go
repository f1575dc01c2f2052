package valkey

import (
	"strconv"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/topics"
)

// feed is a channel that this gateway follows: of a topic with subscribers, or of a lane of a cache with subscribers to
// patterns. Its fields are guarded by Broker.mu; page, last and time are what was heard last.
type feed struct {
	space   hearth.Space
	topic   string // empty for a lane
	channel string

	refs    int           // subscriptions
	ear     *ear          // that follows it, or is about to; nil while it waits in Broker.todo
	known   bool          // has been read once
	ready   chan struct{} // closed when it has
	page    uint64        // 0 where there is no such topic in the servers
	last    uint64
	time    string
	loading []*load
}

// load is somebody who waits until older messages have been read.
type load struct {
	from uint64
	done chan struct{}
}

// Subscribe implements topics.Broker. It waits until the servers tell this gateway of the topic, where nobody here
// has subscribed to it before, so that nothing is missed that is published after it has returned.
func (b *Broker) Subscribe(s hearth.Space, f topics.Filter, after topics.Position, wake func()) (topics.Sub, error) {
	fs, err := b.follow(s, f)
	if err == nil {
		err = b.reach(fs, s, f, after)
	}
	var sub topics.Sub
	if err == nil {
		sub, err = b.memory.Subscribe(s, f, after, wake)
	}
	if err != nil {
		b.leave(fs)
		return nil, err
	}
	return &follower{Sub: sub, broker: b, feeds: fs}, nil
}

// follower is a subscription that keeps its feeds.
type follower struct {
	topics.Sub
	broker *Broker
	feeds  []*feed
	closed bool
}

// Close implements topics.Sub.
func (f *follower) Close() {
	f.Sub.Close()
	if !f.closed {
		f.closed = true
		f.broker.leave(f.feeds)
	}
}

// follow has the feeds of a filter followed.
func (b *Broker) follow(s hearth.Space, f topics.Filter) (fs []*feed, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errNotFollowed
	}
	if f.Topic != "" {
		return []*feed{b.feed(s, f.Topic, topicKey(s, f.Topic))}, nil
	}
	for lane := range lanes {
		fs = append(fs, b.feed(s, "", laneChannel(s, lane)))
	}
	return fs, nil
}

func (b *Broker) feed(s hearth.Space, topic, channel string) *feed {
	f := b.feeds[channel]
	if f == nil {
		f = &feed{space: s, topic: topic, channel: channel, ready: make(chan struct{})}
		b.feeds[channel] = f
		b.todo[f] = struct{}{}
		b.tendLater()
	}
	f.refs++
	return f
}

// reach waits until the feeds are followed, and, for a subscription that comes back, until its topic's ring here reaches as
// far back as it wants, or as the servers' does.
func (b *Broker) reach(fs []*feed, s hearth.Space, f topics.Filter, after topics.Position) error {
	timer := time.NewTimer(b.o.Timeout)
	defer timer.Stop()
	wait := func(done <-chan struct{}) error {
		select {
		case <-done:
			return nil
		case <-timer.C:
		case <-b.over.Done():
		}
		return errNotFollowed
	}
	for _, f := range fs {
		if err := wait(f.ready); err != nil {
			return err
		}
	}
	if after == (topics.Position{}) || b.memory.Reaches(s, f.Topic, after) {
		return nil
	}
	return wait(b.load(fs[0], after))
}

// load has a feed's topic read from a position on, or all of it where that is on another page.
func (b *Broker) load(f *feed, after topics.Position) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &load{done: make(chan struct{})}
	if after.Page == f.page {
		l.from = after.Sequence
	}
	f.loading = append(f.loading, l)
	if f.ear != nil {
		f.ear.read(f)
	}
	return l.done
}

// leave lets go of feeds. Those that nobody needs any more are forgotten.
func (b *Broker) leave(fs []*feed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range fs {
		if f.refs--; f.refs > 0 || b.feeds[f.channel] != f {
			continue
		}
		b.drop(f)
		if f.topic != "" {
			b.memory.Forget(f.space, f.topic)
		}
	}
}

func (b *Broker) drop(f *feed) {
	delete(b.feeds, f.channel)
	delete(b.todo, f)
	if f.ear != nil {
		f.ear.unsubscribe(f)
		f.ear = nil
	}
}

// Drop implements topics.Broker.
func (b *Broker) Drop(s hearth.Space) {
	b.mu.Lock()
	for _, f := range b.feeds {
		if f.space == s {
			b.drop(f)
		}
	}
	b.mu.Unlock()
	b.memory.Drop(s)
	if b.o.Reclaim == nil {
		return
	}
	if err := b.o.Reclaim(b.over, s); err != nil {
		b.o.Log.Warn("topics of a deleted cache stay in the servers until they expire", "err", err)
	}
}

// follows reports whether the servers tell this gateway of a topic.
func (b *Broker) follows(channel string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.feeds[channel]
	return f != nil && f.ear != nil && f.known
}

// readArgs returns the arguments of read.lua that bring a feed up to date, and older messages that somebody waits for.
func (f *feed) readArgs(sum []byte) [][]byte {
	from, fromOther := f.last+1, uint64(0)
	if !f.known {
		fromOther = 1 << 53 // from now on
	}
	for _, l := range f.loading {
		from, fromOther = min(from, l.from), 0
	}
	args := [][]byte{[]byte("EVALSHA"), sum, []byte("1"), []byte(f.channel)}
	for _, n := range []uint64{f.page, f.last} {
		args = append(args, strconv.AppendUint(nil, n, 10))
	}
	args = append(args, []byte(f.time))
	for _, n := range []uint64{from, fromOther} {
		args = append(args, strconv.AppendUint(nil, n, 10))
	}
	return append(args, []byte(idle))
}

// hear takes a message that the servers tell.
func (b *Broker) hear(e *ear, channel, text []byte) {
	b.mu.Lock()
	f := b.feeds[string(channel)]
	if f == nil || f.ear != e {
		b.mu.Unlock()
		return
	}
	t, err := parseTold(text)
	if err != nil {
		b.mu.Unlock()
		b.o.Log.Warn("a message of a topic cannot be read", "err", err)
		return
	}
	if f.topic != "" {
		if t.page == f.page && t.number <= f.last && (t.number < f.last || t.time != f.time) {
			e.read(f) // the servers have lost what was heard before
		} else {
			f.page, f.last, f.time = t.page, t.number, t.time
		}
	}
	b.mu.Unlock()
	b.memory.Insert(f.space, string(t.topic), t.page, t.number, t.millis(), t.body)
}

// took takes what read.lua has answered. The ear reads it in the order of what it hears, so what comes later is newer.
func (b *Broker) took(e *ear, f *feed, v respwire.Value) {
	b.mu.Lock()
	if f.ear != e || b.feeds[f.channel] != f {
		b.mu.Unlock()
		return
	}
	page, last, from, ms := parseRead(f.topic, v)
	if page != 0 {
		f.page, f.last, f.time = page, last, string(v.Array[2].Str)
	}
	known, loading := f.known, f.loading
	f.loading = nil
	b.mu.Unlock()
	if page != 0 && !known {
		b.memory.Place(f.space, f.topic, page, last+1)
	}
	b.memory.Prepend(f.space, f.topic, page, from, ms)
	for i := range ms {
		b.memory.Insert(f.space, f.topic, page, from+uint64(i), ms[i].Time, ms[i].Body)
	}
	if page != 0 {
		b.memory.Place(f.space, f.topic, page, last+1) // what is lost is told of before the next message comes
	}
	b.mu.Lock()
	f.isKnown()
	b.mu.Unlock()
	for _, l := range loading {
		close(l.done)
	}
}

func (f *feed) isKnown() {
	if !f.known {
		f.known = true
		close(f.ready)
	}
}

// parseRead reads the answer of read.lua; page 0 is that there is no such topic.
func parseRead(topic string, v respwire.Value) (page, last, from uint64, ms []topics.Message) {
	if len(v.Array) < 4 {
		return 0, 0, 0, nil
	}
	page, err := strconv.ParseUint(string(v.Array[0].Str), 10, 64)
	if err != nil {
		return 0, 0, 0, nil
	}
	last, from = uint64(v.Array[1].Int), uint64(v.Array[3].Int)
	for _, one := range v.Array[4:] {
		k, err := parseKept(one.Str)
		if err != nil {
			// Numbers stay right: what follows is told of as lost.
			from, ms = from+uint64(len(ms))+1, nil
			continue
		}
		ms = append(ms, topics.Message{Topic: topic, Time: k.millis(), Body: k.body})
	}
	return page, last, from, ms
}
