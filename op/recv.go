package op

import (
	"strconv"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// failed returns the first error among a server's answers.
func failed(vs []respwire.Value) error {
	for _, v := range vs {
		if v.IsError() {
			return serverError(v)
		}
	}
	return nil
}

// recvInt reads a number; a function says one that Lua's numbers have no bits for as a text.
func recvInt(v respwire.Value, r *Reply) error {
	if v.IsError() {
		return serverError(v)
	}
	r.Int = v.Int
	if v.Type == '$' {
		r.Int, _ = ParseInt(v.Str)
	}
	return nil
}

// recvSome reads the answer to sendSome with n elements.
func recvSome(v []respwire.Value, r *Reply, n int) error {
	err := recvInt(v[0], r)
	if n == 0 {
		r.Int = 0
	}
	return err
}

// recvLen reads a length, which is 0 where there is no collection.
func recvLen(v respwire.Value, r *Reply) error {
	if err := recvInt(v, r); err != nil {
		return err
	}
	r.Status = Hit
	if r.Int == 0 {
		r.Status = Miss
	}
	return nil
}

// recvFound reads the length of a collection, 0 where there is none, and, where there is one, what was asked about it.
func recvFound(v []respwire.Value, r *Reply, read func(respwire.Value, *Reply) error) error {
	if err := failed(v); err != nil {
		return err
	}
	if v[0].Int == 0 {
		r.Status = Miss
		return nil
	}
	r.Status = Hit
	if len(v) > 1 {
		return read(v[1], r)
	}
	return nil
}

// recvKept reads the length of a list before and, last, after a change.
func recvKept(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	r.Status, r.Int = Hit, v[len(v)-1].Int
	if v[0].Int == 0 {
		r.Status = Miss
	}
	return nil
}

// recvLeft reads the length of a list after a change, -1 where there is none.
func recvLeft(v respwire.Value, r *Reply) error {
	if err := recvInt(v, r); err != nil {
		return err
	}
	r.Status = Hit
	if r.Int < 0 {
		r.Status, r.Int = Miss, 0
	}
	return nil
}

// recvBulks adds an element for each of an array.
func recvBulks(v respwire.Value, r *Reply) error {
	for _, a := range v.Array {
		if a.Null {
			r.AddMiss()
		} else {
			r.AddPart(a.Str, 0)
		}
	}
	return nil
}

// recvList reads a whole collection, which is empty where there is none.
func recvList(v respwire.Value, r *Reply) error {
	if v.IsError() {
		return serverError(v)
	}
	r.Status = Hit
	if len(v.Array) == 0 {
		r.Status = Miss
	}
	return recvBulks(v, r)
}

func recvFlags(v respwire.Value, r *Reply) error {
	for _, a := range v.Array {
		r.AddFlag(a.Int == 1)
	}
	return nil
}

func recvScores(v respwire.Value, r *Reply) error {
	for _, a := range v.Array {
		if a.Null {
			r.AddMiss()
			continue
		}
		f, err := scoreOf(a)
		if err != nil {
			return err
		}
		r.AddNum(f)
	}
	return nil
}

// recvScored reads values with their scores: in turns by RESP 2, in pairs by RESP 3.
func recvScored(v respwire.Value, r *Reply) error {
	flat := v.Array
	if len(flat) > 0 && len(flat[0].Array) == 2 {
		flat = nil
		for _, pair := range v.Array {
			flat = append(flat, pair.Array...)
		}
	}
	for i := 0; i+1 < len(flat); i += 2 {
		f, err := scoreOf(flat[i+1])
		if err != nil {
			return err
		}
		r.AddPart(flat[i].Str, f)
	}
	return nil
}

// scoreOf reads a score, which is a text by RESP 2 and a number by RESP 3.
func scoreOf(v respwire.Value) (float64, error) {
	if v.Type == ',' {
		return v.Num, nil
	}
	return strconv.ParseFloat(string(v.Str), 64)
}

func recvScalar(v respwire.Value, r *Reply) error {
	switch {
	case v.IsError():
		return serverError(v)
	case v.Null:
		r.Status = Miss
		return nil
	}
	stored, attrs := CutTrailer(v.Str)
	r.SetValue(stored)
	r.Status, r.Attrs = Hit, attrs
	return nil
}

// ServerError gives an error reply of a Valkey server its kind, for engines.
func ServerError(v respwire.Value) error { return serverError(v) }

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
		if strings.HasPrefix(rest, "unknown command") {
			return &hearth.Error{Kind: hearth.Unimplemented, Msg: "the engine's server does not have this command", Err: v.Err()}
		}
		return &hearth.Error{Kind: hearth.Precondition, Msg: rest}
	case "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY", "BUSY":
		return &hearth.Error{Kind: hearth.Unavailable, Msg: "the engine's server cannot answer now", Err: v.Err()}
	}
	return v.Err()
}
