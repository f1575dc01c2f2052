package httpapi

import (
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// An item's ETag is the hash of its value that GetWithHash and SetIfHash speak of, so that a conditional PUT holds
// against writers of every protocol. It guards nothing.

func etagOf(r *op.Reply) string {
	if r.Block != nil {
		return quote(r.Block.Hash())
	}
	return quote(sha1.Sum(r.Value()))
}

func quote(h [sha1.Size]byte) string { return `"` + hex.EncodeToString(h[:]) + `"` }

// precondition is what the headers If-Match and If-None-Match of a write ask for; tags go with none of them.
type precondition struct {
	kind op.Condition
	hash []byte // of the value that the present one is compared with
	tags [][]byte
}

// conditionOf reads the headers; without any the precondition is op.Always.
func conditionOf(r *http.Request) (precondition, error) {
	match, none := r.Header.Values("If-Match"), r.Header.Values("If-None-Match")
	switch {
	case len(match)+len(none) == 0:
		return precondition{}, nil
	case len(match)+len(none) > 1:
		return precondition{}, invalid("one of the headers If-Match and If-None-Match says the precondition of a write, once")
	case len(match) == 1:
		return conditionOn(match[0], "If-Match", op.Present, op.Equal)
	}
	return conditionOn(none[0], "If-None-Match", op.Absent, op.NotEqual)
}

func conditionOn(text, header string, any, tagged op.Condition) (precondition, error) {
	text = strings.TrimSpace(text)
	if text == "*" {
		return precondition{kind: any}, nil
	}
	inner, opened := strings.CutPrefix(text, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	h, err := hex.DecodeString(inner)
	if !opened || !closed || err != nil || len(h) != sha1.Size {
		return precondition{}, invalidf("%s is %s; it is * or one ETag as GET returned it", header, text)
	}
	return precondition{kind: tagged, hash: h}, nil
}

// set returns the write of a value under the condition. Where the value was read into its final place, block holds it.
func (c precondition) set(key, v []byte, block *value.Block, x op.Expiry) op.Op {
	switch {
	case c.hash != nil:
		return &op.SetIfHash{K: key, Value: v, Block: block, Condition: c.kind, Against: c.hash, Expiry: x}
	case c.kind != op.Always:
		return &op.SetIf{K: key, Value: v, Block: block, Condition: c.kind, Expiry: x}
	case block != nil:
		return &op.Set{K: key, Block: block, Expiry: x, Tags: c.tags}
	}
	return &op.Set{K: key, Value: v, Expiry: x, Tags: c.tags}
}
