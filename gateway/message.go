package gateway

import (
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/topics"
)

// beforePublish authenticates, authorises, finds the cache and admits a message; the space is that of b.cache.
func (c *Caller) beforePublish(topic string, bytes int) (b *binding, err error) {
	b = c.bind()
	if err = b.beforeTopic(c, auth.Write, topic); err == nil {
		err = b.admitMessage(c.gateway, len(topic)+bytes)
	}
	if err != nil {
		b.meter.refuse(verbPublish)
	}
	return b, err
}

// beforeSubscribe authenticates, authorises and finds the cache for a subscription. A pattern needs the permission to
// read every topic that begins as it does: a name that no topic can have, and so no rule can name, asks for that.
func (c *Caller) beforeSubscribe(f topics.Filter) (b *binding, err error) {
	b = c.bind()
	name := f.Topic
	if f.Pattern != "" {
		name = topics.Prefix(f.Pattern) + "\x00"
	}
	return b, b.beforeTopic(c, auth.Read, name)
}

func (b *binding) beforeTopic(c *Caller, need auth.Access, topic string) error {
	if err := b.valid(c.gateway); err != nil {
		return err
	}
	if !b.topics.Allows(need, []byte(topic)) {
		return errDenied
	}
	return b.exists(c.cache)
}

func (b *binding) admitMessage(g *Gateway, bytes int) error {
	if bytes > b.limits.message {
		return errMessage
	}
	if b.limits.publishes == 0 && b.limits.throughput == 0 {
		return nil
	}
	now := g.now().UnixNano()
	if b.limits.publishes != 0 && !b.tenant.publishes.take(now, b.limits.publishes) {
		return errPublishes
	}
	if t := b.limits.throughput; t != 0 && !b.tenant.throughput.take(now, cost(bytes, t)) {
		return errThroughput
	}
	return nil
}

// published counts a message that was published, of so many bytes of topic and message.
func (b *binding) published(bytes int) { b.meter.count(verbPublish, 1, uint64(bytes), 0, 0, 0) }

// delivered counts messages that a subscriber took, of so many bytes together.
func (b *binding) delivered(g *Gateway, messages, bytes int) {
	b.meter.count(verbDeliver, uint64(messages), 0, uint64(bytes), 0, 0)
	if t := b.limits.throughput; t != 0 {
		b.tenant.throughput.charge(g.now().UnixNano(), cost(bytes, t))
	}
}
