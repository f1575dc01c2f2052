package op

import (
	"strconv"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

func recvInt(v respwire.Value, r *Reply) error {
	if v.IsError() {
		return serverError(v)
	}
	r.Int = v.Int
	return nil
}

// serverError gives an error reply of a Valkey server its kind.
func serverError(v respwire.Value) error {
	msg := string(v.Str)
	code, rest, _ := strings.Cut(msg, " ")
	switch code {
	case "WRONGTYPE":
		return value.ErrWrongType
	case "OOM":
		return &hearth.Error{Kind: hearth.Limited, Limit: hearth.MemoryLimit, Msg: msg}
	case "CROSSSLOT":
		return &hearth.Error{Kind: hearth.CrossSlot, Msg: msg}
	case "ERR":
		return &hearth.Error{Kind: hearth.Precondition, Msg: rest}
	case "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY", "BUSY":
		return &hearth.Error{Kind: hearth.Unavailable, Msg: "the engine's server cannot answer now", Err: v.Err()}
	}
	return v.Err()
}

func lit(s string) []byte { return []byte(s) }

func num(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
