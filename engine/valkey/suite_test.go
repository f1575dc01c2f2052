package valkey

import (
	"flag"
	"testing"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/enginetest"
)

func TestSuite(t *testing.T) {
	o := enginetest.Options{Operations: 20_000}
	t.Run("single", func(t *testing.T) {
		enginetest.Run(t, o, func(t *testing.T) engine.Engine { e, _ := single(t, Options{}); return e })
	})
	t.Run("cluster", func(t *testing.T) {
		enginetest.Run(t, o, func(t *testing.T) engine.Engine { e, _ := cluster(t, 0, Options{}); return e })
	})
}

var _ = flag.Bool("update", false, "take the server's answers as the expected ones of scripts")
