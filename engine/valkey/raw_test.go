package valkey

import (
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// raw is any server command on one key, or several commands in one transaction.
type raw struct {
	key      string
	commands [][]string // each with its name and what follows the key; a name in lower case is a function
	access   op.Access
	got      []respwire.Value
}

var (
	rawRead  = op.Spec{Name: "raw", Access: op.Reads, Repeatable: true}
	rawWrite = op.Spec{Name: "raw", Access: op.Writes}
)

func (o *raw) Spec() *op.Spec {
	if o.access == op.Writes {
		return &rawWrite
	}
	return &rawRead
}
func (o *raw) Key() []byte                                { return []byte(o.key) }
func (o *raw) Apply(*value.Entry, int64, *op.Reply) error { panic("not on this engine") }
func (o *raw) Recv(v []respwire.Value, r *op.Reply) error { o.got = v; return nil }
func (o *raw) Send(b *respwire.Batch, key []byte) {
	for _, c := range o.commands {
		var args [][]byte
		for _, a := range c[1:] {
			args = append(args, []byte(a))
		}
		if c[0][0] >= 'a' {
			b.Function(c[0], key, args...)
		} else {
			b.Command(c[0], key, args...)
		}
	}
}

// many reads keys, with one command where they share a slot.
type many struct {
	raw
	keys [][]byte
}

func (o *many) Key() []byte                                     { return o.keys[0] }
func (o *many) Keys() [][]byte                                  { return o.keys }
func (o *many) ApplyAll([]*value.Entry, int64, *op.Reply) error { panic("not on this engine") }
func (o *many) SendAll(b *respwire.Batch, keys [][]byte)        { b.Command("MGET", keys[0], keys[1:]...) }
func (o *many) RecvAll(v []respwire.Value, r *op.Reply) error {
	for _, p := range v[0].Array {
		r.AddPart(p.Str, 0)
	}
	return nil
}

// split is many that can be done in parts.
type split struct{ many }

func (o *split) Parts() ([]op.Op, func([]op.Reply, *op.Reply) (op.Op, error)) {
	var parts []op.Op
	for _, k := range o.keys {
		parts = append(parts, &op.Get{K: k})
	}
	return parts, func(got []op.Reply, r *op.Reply) (op.Op, error) {
		for i := range got {
			r.AddPart(got[i].Value(), 0)
		}
		return nil, nil
	}
}

func keys(names ...string) (out [][]byte) {
	for _, n := range names {
		out = append(out, []byte(n))
	}
	return out
}
