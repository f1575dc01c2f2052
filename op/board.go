package op

import (
	"fmt"
	"strconv"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
)

// BoardElementsMax is how many elements one command on a leaderboard may carry or ask for.
const BoardElementsMax = 8192

// A leaderboard is a sorted set whose values are ids in decimal, so that equal scores are in the order that the vendor
// documents on every engine. It lives for seven days after the last write.
const boardMillis = 7 * 24 * 60 * 60 * 1000

var errBoardMany = &hearth.Error{
	Kind: hearth.Invalid,
	Msg:  fmt.Sprintf("a call on a leaderboard may carry or ask for at most %d elements", BoardElementsMax),
}

func checkMany(n int) error {
	if n > BoardElementsMax || n < 0 {
		return errBoardMany
	}
	return nil
}

func ids(is []uint32) [][]byte {
	out := make([][]byte, len(is))
	for i, id := range is {
		out[i] = strconv.AppendUint(nil, uint64(id), 10)
	}
	return out
}

// recvRanked reads a list of id, score, rank, id, score, rank …
func recvRanked(v respwire.Value, r *Reply) error {
	if v.IsError() {
		return serverError(v)
	}
	for i := 0; i+2 < len(v.Array); i += 3 {
		f, err := scoreOf(v.Array[i+1])
		if err != nil {
			return err
		}
		r.AddRanked(v.Array[i].Str, f, v.Array[i+2].Int)
	}
	return nil
}
