package valkey

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
)

// notDone reports whether the servers have certainly not done what failed with err, for a reason that passes.
func notDone(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) {
		return dial.Op == "dial"
	}
	said, ok := valkey.IsValkeyErr(err)
	return ok && passes(said.Error())
}

// passes reports whether an error that a server has said is of a moment: of a failover, or of a slot that moves.
func passes(said string) bool {
	code, _, _ := strings.Cut(said, " ")
	switch code {
	case "CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN", "READONLY", "MOVED", "ASK":
		return true
	}
	return false
}

// unavailable gives an error of the servers its kind.
func unavailable(ctx context.Context, err error) error {
	if said, ok := valkey.IsValkeyErr(err); ok && strings.HasPrefix(said.Error(), "OOM") {
		return &hearth.Error{Kind: hearth.Limited, Limit: hearth.MemoryLimit, Msg: "the servers of topics are full", Err: err}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return &hearth.Error{Kind: hearth.Canceled, Msg: "the caller went away", Err: err}
	}
	return &hearth.Error{Kind: hearth.Unavailable, Msg: "the servers of topics cannot be reached; the message may have been published", Err: err}
}

var errNotFollowed = &hearth.Error{Kind: hearth.Unavailable, Msg: "the servers of topics cannot be reached"}
