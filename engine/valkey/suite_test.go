package valkey

import (
	"context"
	"flag"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/enginetest"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
)

var _ = flag.Bool("update", false, "take the server's answers as the expected ones of scripts")

func TestSuite(t *testing.T) {
	run := func(t *testing.T, e *Engine) {
		o := enginetest.Options{Operations: 20_000, Lacks: lacks(t, e)}
		enginetest.Run(t, o, func(t *testing.T) engine.Engine { return e })
	}
	t.Run("single", func(t *testing.T) {
		e, _ := single(t, Options{})
		run(t, e)
	})
	t.Run("cluster", func(t *testing.T) {
		e, _ := cluster(t, 0, Options{})
		run(t, e)
	})
	t.Run("near", func(t *testing.T) {
		e, _ := cluster(t, 0, Options{NearBytes: 1 << 20})
		run(t, e)
	})
}

// lacks names the commands on the expiry of fields where the server that is installed is too old for them, and those on
// memcached's attributes, having made sure that the engine says so.
func lacks(t *testing.T, e *Engine) map[string]bool {
	out := map[string]bool{}
	for _, o := range []op.Op{
		&op.DictExpire{K: []byte("k"), Fields: keys("f")}, &op.DictFieldTTL{K: []byte("k"), Fields: keys("f")},
		&op.DictPersist{K: []byte("k"), Fields: keys("f")}, &op.DictGetEx{K: []byte("k"), Fields: keys("f")},
		&op.DictSetEx{K: []byte("k"), Pairs: []op.Pair{{Field: []byte("f"), Value: []byte("v")}}},
		&op.MetaGet{K: []byte("k")}, &op.MetaGet{K: []byte("k"), Touch: true}, &op.MetaSet{K: []byte("k")},
		&op.MetaDelete{K: []byte("k")}, &op.MetaArithmetic{K: []byte("k")},
	} {
		err := e.Do(context.Background(), 1, o, &op.Reply{})
		if err != nil && hearth.KindOf(err) != hearth.Unimplemented {
			t.Errorf("%s: %v", o.Spec().Name, err)
		}
		out[o.Spec().Name] = err != nil
	}
	return out
}

// TestAgree holds the local engine against the server, which is the oracle for Redis's commands.
func TestAgree(t *testing.T) {
	e, _ := single(t, Options{})
	l := local.New(local.Options{})
	defer l.Close()
	enginetest.Agree(t, enginetest.Options{Operations: 20_000}, l, e)
}
