package local_test

import (
	"testing"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/enginetest"
	"github.com/hearthcache/hearth/engine/local"
)

func TestSuite(t *testing.T) {
	clock := enginetest.NewClock()
	enginetest.Run(t, enginetest.Options{Clock: clock}, func(t *testing.T) engine.Engine {
		e := local.New(local.Options{BytesMax: 64 << 20, Now: clock.Now})
		t.Cleanup(func() { e.Close() })
		return e
	})
}
