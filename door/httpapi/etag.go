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
	hash []byte // of the values that the present one is compared with, in a row
	tags [][]byte
}

// conditionOf reads the headers; without any the precondition is op.Always.
func conditionOf(r *http.Request) (precondition, error) {
	match, none := r.Header.Values("If-Match"), r.Header.Values("If-None-Match")
	switch {
	case len(match)+len(none) == 0:
		return precondition{}, nil
	case len(match) > 0 && len(none) > 0:
		return precondition{}, invalid("one of the headers If-Match and If-None-Match says the precondition of a write")
	case len(match) > 0:
		return conditionOn(strings.Join(match, ","), "If-Match", op.Present, op.Equal)
	}
	return conditionOn(strings.Join(none, ","), "If-None-Match", op.Absent, op.NotEqual)
}

// conditionOn reads a header: * or a list of ETags. One that no item has is as good as none; weak ones are for
// If-None-Match only, as RFC 9110 has it.
func conditionOn(text, header string, any, tagged op.Condition) (precondition, error) {
	left := strings.Trim(text, listSpace)
	if left == "*" {
		return precondition{kind: any}, nil
	}
	c := precondition{kind: tagged}
	for left != "" {
		inner, weak := strings.CutPrefix(left, "W/")
		inner, opened := strings.CutPrefix(inner, `"`)
		inner, after, closed := strings.Cut(inner, `"`)
		left = strings.TrimLeft(after, listSpace)
		if !opened || !closed || left != "" && !strings.HasPrefix(strings.TrimLeft(after, " \t"), ",") {
			break
		}
		if h, err := hex.DecodeString(inner); err == nil && len(h) == sha1.Size && !(weak && tagged == op.Equal) {
			c.hash = append(c.hash, h...)
		}
		if left == "" {
			return c, nil
		}
	}
	return precondition{}, invalidf("%s is %s; it is * or ETags in quotes, separated by commas", header, text)
}

// listSpace is what may stand around the members of a list.
const listSpace = " \t,"

// set returns the write of a value under the condition. Where the value was read into its final place, block holds it.
func (c precondition) set(key, v []byte, block *value.Block, x op.Expiry) op.Op {
	switch {
	case c.kind == op.Equal || c.kind == op.NotEqual:
		return &op.SetIfHash{K: key, Value: v, Block: block, Condition: c.kind, Against: c.hash, Expiry: x}
	case c.kind != op.Always:
		return &op.SetIf{K: key, Value: v, Block: block, Condition: c.kind, Expiry: x}
	case block != nil:
		return &op.Set{K: key, Block: block, Expiry: x, Tags: c.tags}
	}
	return &op.Set{K: key, Value: v, Expiry: x, Tags: c.tags}
}
