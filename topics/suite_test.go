package topics_test

import (
	"testing"

	"github.com/hearthcache/hearth/topics"
	"github.com/hearthcache/hearth/topics/topicstest"
)

func TestSuite(t *testing.T) {
	topicstest.Run(t, func(t *testing.T) topicstest.Gateways {
		m := topics.NewMemory(topics.Options{})
		t.Cleanup(m.Close)
		return topicstest.Gateways{m, m}
	})
}
