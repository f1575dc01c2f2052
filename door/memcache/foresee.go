package memcache

import (
	"bytes"

	"github.com/hearthcache/hearth/engine"
)

// Foresee implements door.Foreseer: the engine hears of the key in the first line. Commands that have none there do no harm.
func (c *conn) Foresee(in []byte, again bool) {
	if c.caller == nil || c.body != nil {
		return
	}
	_, rest, found := bytes.Cut(in[:min(len(in), lineBytesMax)], []byte(" "))
	end := bytes.IndexAny(rest, " \r\n")
	if !found || end < 0 {
		return
	}
	step := engine.WarmPaths
	if again {
		step = engine.WarmItems
	}
	c.words = append(c.words[:0], rest[:end])
	c.door.Gateway.Warm(c.caller, c.words, step)
}
