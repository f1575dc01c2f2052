package valkey

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
)

// unreachable gives an error of the connection its kind.
func unreachable(ctx context.Context, err error) error {
	var e *hearth.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(ctx.Err(), context.Canceled):
		return &hearth.Error{Kind: hearth.Canceled, Msg: "the caller went away", Err: err}
	case ctx.Err() != nil || passed(ctx, err):
		return &hearth.Error{Kind: hearth.Timeout, Msg: "the deadline passed before the engine's server answered", Err: err}
	}
	return &hearth.Error{Kind: hearth.Unavailable, Msg: "the engine's server cannot be reached", Err: err}
}

// passed reports whether ctx's deadline has passed, whose own timer may be late, or whether err says that time was over for
// an attempt after which there was none for another. (Callers share attempts, and the deadline of one ends it for all.)
func passed(ctx context.Context, err error) bool {
	slack := timerSlack
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		slack = pauseLast
	}
	end, ok := ctx.Deadline()
	return ok && !time.Now().Before(end.Add(-slack))
}

const timerSlack = 2 * time.Millisecond

// neverSent reports whether a command that failed with err cannot have happened.
func neverSent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// denied reports whether a server has refused this gateway itself, which it will go on to do.
func denied(err error) bool {
	said, ok := valkey.IsValkeyErr(err)
	if !ok {
		return false
	}
	code, _, _ := strings.Cut(said.Error(), " ")
	return code == "WRONGPASS" || code == "NOAUTH" || code == "NOPERM"
}

// notNow reports whether the server refused the command without doing it, for a reason that passes.
func notNow(v respwire.Value) bool {
	if !v.IsError() {
		return false
	}
	code, _, _ := strings.Cut(string(v.Str), " ")
	switch code {
	case "CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN", "READONLY", "MOVED", "ASK":
		return true
	}
	return false
}

func isFull(v respwire.Value) bool { return strings.HasPrefix(text(v.Str), "OOM ") }

func isFunctionMissing(v respwire.Value) bool {
	return v.IsError() && string(v.Str) == "ERR Function not found"
}

func parseFloat(b []byte) float64 {
	f, _ := strconv.ParseFloat(string(b), 64)
	return f
}

var errCrossSlot = &hearth.Error{Kind: hearth.CrossSlot, Msg: "CROSSSLOT Keys in request don't hash to the same slot"}
