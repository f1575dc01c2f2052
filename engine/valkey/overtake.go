package valkey

import (
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// Overtake implements engine.Leaser.
func (e *Engine) Overtake(o op.Op) op.Op {
	switch o := o.(type) {
	case op.Detached:
		return overtakingDetached{o}
	case op.Splitter:
		return overtakingSplitter{overtakingMulti{o}, o}
	case op.Multi:
		return overtakingMulti{o}
	}
	return overtaking{o}
}

// overtaking is a command on one key with the end of its lease, which is said last.
type overtaking struct{ op.Op }

func (o overtaking) Send(b *respwire.Batch, key []byte) {
	o.Op.Send(b, key)
	sayLeaseEnd(b, key)
}

func (o overtaking) Recv(v []respwire.Value, r *op.Reply) error { return o.Op.Recv(v[:len(v)-1], r) }

// overtakingDetached ends the lease when it writes back.
type overtakingDetached struct{ op.Op }

func (overtakingDetached) Detached() {}

// bare returns the command on one key itself.
func bare(o op.Op) op.Op {
	switch w := o.(type) {
	case overtaking:
		return w.Op
	case *taking:
		return w.Op
	}
	return o
}

// overtakes reports whether a command on one key ends the lease of it.
func overtakes(o op.Op) bool {
	switch o.(type) {
	case overtaking, overtakingDetached:
		return true
	}
	return false
}

// overtakingMulti is a command on several keys of one slot.
type overtakingMulti struct{ op.Multi }

func (o overtakingMulti) SendAll(b *respwire.Batch, keys [][]byte) {
	o.Multi.SendAll(b, keys)
	for _, k := range keys {
		sayLeaseEnd(b, k)
	}
}

func (o overtakingMulti) RecvAll(v []respwire.Value, r *op.Reply) error {
	return o.Multi.RecvAll(v[:len(v)-len(o.Keys())], r)
}

// overtakingSplitter is one whose parts can be done apart, too.
type overtakingSplitter struct {
	overtakingMulti
	whole op.Splitter
}

func (o overtakingSplitter) Parts() ([]op.Op, func([]op.Reply, *op.Reply) (op.Op, error)) {
	parts, join := o.whole.Parts()
	for i, p := range parts {
		if p.Spec().Writes() {
			parts[i] = overtaking{p}
		}
	}
	return parts, func(got []op.Reply, r *op.Reply) (op.Op, error) {
		write, err := join(got, r)
		if write != nil {
			write = overtaking{write}
		}
		return write, err
	}
}

func sayLeaseEnd(b *respwire.Batch, item []byte) { b.Command("DEL", appendLeaseKey(nil, item)) }
