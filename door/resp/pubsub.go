package resp

// kind is what a subscription is for.
type kind uint8

const (
	channel kind = iota
	glob
	shard
)

// subscriptions are those of one connection. The zero subscriptions has none.
type subscriptions struct{}

func (s *subscriptions) any() bool        { return false }
func (s *subscriptions) count(k kind) int { return 0 }

func (c *conn) unsubscribeAll() {}
func (c *conn) deliver()        {}
