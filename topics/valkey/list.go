package valkey

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/topics"
)

// List implements topics.Lister: of the topics that have subscribers at this gateway.
func (b *Broker) List(s hearth.Space, pattern string, yield func(topics.Info) bool) {
	b.memory.List(s, pattern, yield)
}

// Topic implements topics.Lister.
func (b *Broker) Topic(s hearth.Space, name string) topics.Info { return b.memory.Topic(s, name) }

// Patterns implements topics.Lister.
func (b *Broker) Patterns(s hearth.Space) int { return b.memory.Patterns(s) }
