package engine

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
)

// Panic is the cause of the error of a command that panicked. To clients it is an internal error like any other; the
// gateway logs it.
type Panic struct {
	Command string
	Value   any
	Stack   []byte
}

// Error says what the command panicked with.
func (p *Panic) Error() string { return fmt.Sprintf("%s panicked: %v", p.Command, p.Value) }

// Catch turns a panic of a command into its error. An engine defers it around Apply, ApplyAll, Recv and RecvAll, so that a
// mistake in one command fails that command and nothing else.
func Catch(o op.Op, err *error) {
	if v := recover(); v != nil {
		*err = NewPanic(o, v)
	}
}

// NewPanic returns the error of a command that has panicked with a value.
func NewPanic(o op.Op, v any) error {
	p := &Panic{Command: o.Spec().Name, Value: v, Stack: debug.Stack()}
	return &hearth.Error{Kind: hearth.Internal, Msg: "internal error", Err: p}
}

// Panicked returns the panic that an error is about, nil for any other error.
func Panicked(err error) (p *Panic) {
	errors.As(err, &p)
	return p
}
