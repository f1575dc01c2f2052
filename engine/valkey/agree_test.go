package valkey

import (
	"testing"

	"github.com/hearthcache/hearth/engine/enginetest"
	"github.com/hearthcache/hearth/engine/local"
)

// TestAgree holds the local engine against the server, which is the oracle for Redis's commands.
func TestAgree(t *testing.T) {
	e, _ := single(t, Options{})
	l := local.New(local.Options{})
	defer l.Close()
	enginetest.Agree(t, enginetest.Options{Operations: 20_000}, l, e)
}
