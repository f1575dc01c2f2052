package momento

import (
	"context"
	"errors"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door/h2"
)

// The status codes of gRPC that this door uses.
const (
	codeOK                 = 0
	codeCancelled          = 1
	codeUnknown            = 2
	codeInvalidArgument    = 3
	codeDeadlineExceeded   = 4
	codeNotFound           = 5
	codeAlreadyExists      = 6
	codePermissionDenied   = 7
	codeResourceExhausted  = 8
	codeFailedPrecondition = 9
	codeUnimplemented      = 12
	codeInternal           = 13
	codeUnavailable        = 14
	codeUnauthenticated    = 16
)

// codes is how gRPC says each kind of error.
var codes = [hearth.KindCount]uint32{
	hearth.Internal:        codeInternal,
	hearth.Invalid:         codeInvalidArgument,
	hearth.Unauthenticated: codeUnauthenticated,
	hearth.Denied:          codePermissionDenied,
	hearth.NoCache:         codeNotFound,
	hearth.NotFound:        codeNotFound,
	hearth.Exists:          codeAlreadyExists,
	hearth.WrongType:       codeFailedPrecondition,
	hearth.Precondition:    codeFailedPrecondition,
	hearth.Limited:         codeResourceExhausted,
	hearth.Unavailable:     codeUnavailable,
	hearth.Timeout:         codeDeadlineExceeded,
	hearth.Canceled:        codeCancelled,
	hearth.Unimplemented:   codeUnimplemented,
	hearth.CrossSlot:       codeFailedPrecondition,
}

// limits is how the trailer "err" names each limit. Clients fall back on the words of the message where it is empty.
var limits = [...]string{
	hearth.OtherLimit:      "",
	hearth.RequestRate:     "operations_rate_limit_exceeded",
	hearth.Throughput:      "throughput_rate_limit_exceeded",
	hearth.RequestSize:     "request_size_limit_exceeded",
	hearth.ItemSize:        "item_size_limit_exceeded",
	hearth.ElementSize:     "element_size_limit_exceeded",
	hearth.Subscriptions:   "topic_subscriptions_limit_exceeded",
	hearth.ConnectionLimit: "",
	hearth.MemoryLimit:     "",
}

// statusOf says an error as gRPC does. An error that nobody classified shows nothing of itself.
func statusOf(err error) h2.Status {
	e, ok := errors.AsType[*hearth.Error](err)
	switch {
	case err == nil:
		return h2.Status{}
	case ok && e.Kind != hearth.Internal:
		s := h2.Status{Code: codes[e.Kind], Message: e.Msg}
		if e.Kind == hearth.Limited {
			s.Err = limits[e.Limit]
		}
		return s
	case errors.Is(err, context.DeadlineExceeded):
		return h2.Status{Code: codeDeadlineExceeded, Message: "the deadline passed"}
	case errors.Is(err, context.Canceled):
		return h2.Status{Code: codeCancelled, Message: "the call was cancelled"}
	}
	return h2.Status{Code: codeInternal, Message: "internal error"}
}

// invalid is the error of an argument that is out of its range.
func invalid(msg string) error { return &hearth.Error{Kind: hearth.Invalid, Msg: msg} }
