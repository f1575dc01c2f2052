package momento

import (
	"math"

	"github.com/hearthcache/hearth/op"
)

// boardRows are the methods of leaderboard.Leaderboard.
func (h *Handler) boardRows() []row {
	return []row{
		data(h, "/leaderboard.Leaderboard/DeleteLeaderboard", decodeBoardDelete, appendNothing),
		data(h, "/leaderboard.Leaderboard/UpsertElements", decodeBoardUpsert, appendNothing),
		data(h, "/leaderboard.Leaderboard/RemoveElements", decodeBoardRemove, appendNothing),
		data(h, "/leaderboard.Leaderboard/GetLeaderboardLength", decodeBoardLength, appendBoardLength),
		data(h, "/leaderboard.Leaderboard/GetByRank", decodeBoardByRank, appendRankedByRank),
		data(h, "/leaderboard.Leaderboard/GetRank", decodeBoardRank, appendRankedRank),
		data(h, "/leaderboard.Leaderboard/GetByScore", decodeBoardByScore, appendRankedByScore),
		data(h, "/leaderboard.Leaderboard/GetCompetitionRank", decodeBoardCompetitionRank, appendRankedCompetition),
	}
}

// boardName decodes a request that has only the name of a leaderboard, in field 2.
func boardName(m []byte, name *[]byte) error {
	f := scan(m)
	for f.next() {
		if f.tag == 2<<3|bytesType {
			*name = f.text()
		}
	}
	return f.err()
}

func decodeBoardDelete(m []byte, o *op.BoardDelete) (op.Op, error) {
	*o = op.BoardDelete{}
	return o, boardName(m, &o.K)
}

func decodeBoardLength(m []byte, o *op.BoardLength) (op.Op, error) {
	*o = op.BoardLength{}
	return o, boardName(m, &o.K)
}

func appendBoardLength(b []byte, _ *op.BoardLength, r *op.Reply) []byte {
	return appendUint(b, 1, uint64(r.Int))
}

func decodeBoardUpsert(m []byte, o *op.BoardUpsert) (op.Op, error) {
	*o = op.BoardUpsert{Elements: o.Elements[:0]}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 2<<3 | bytesType:
			o.K = f.text()
		case 3<<3 | bytesType:
			o.Elements = append(o.Elements, boardElement(&f))
		}
	}
	return o, f.err()
}

// boardElement reads the _Element in the present field.
func boardElement(f *fields) (el op.BoardElement) {
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | varintType:
			el.ID = uint32(sub.num)
		case 3<<3 | fixed64Type:
			el.Score = sub.double()
		}
	}
	f.bad = f.bad || sub.bad
	return el
}

func decodeBoardRemove(m []byte, o *op.BoardRemove) (op.Op, error) {
	*o = op.BoardRemove{IDs: o.IDs[:0]}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 2<<3 | bytesType:
			o.K = f.text()
		case 3<<3 | varintType, 3<<3 | bytesType:
			o.IDs = f.uint32s(o.IDs)
		}
	}
	return o, f.err()
}

func decodeBoardByRank(m []byte, o *op.BoardByRank) (op.Op, error) {
	*o = op.BoardByRank{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 2<<3 | bytesType:
			o.K = f.text()
		case 3<<3 | bytesType:
			rankRange(&f, o)
		case 4<<3 | varintType:
			o.Descending = int32(f.num) == descending
		}
	}
	return o, f.err()
}

// rankRange reads the _RankRange in the present field.
func rankRange(f *fields, o *op.BoardByRank) {
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | varintType:
			o.From = uint32(sub.num)
		case 2<<3 | varintType:
			o.To = uint32(sub.num)
		}
	}
	f.bad = f.bad || sub.bad
}

func decodeBoardRank(m []byte, o *op.BoardRank) (op.Op, error) {
	*o = op.BoardRank{IDs: o.IDs[:0]}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 2<<3 | bytesType:
			o.K = f.text()
		case 3<<3 | varintType, 3<<3 | bytesType:
			o.IDs = f.uint32s(o.IDs)
		case 4<<3 | varintType:
			o.Descending = int32(f.num) == descending
		}
	}
	return o, f.err()
}

func decodeBoardByScore(m []byte, o *op.BoardByScore) (op.Op, error) {
	*o = op.BoardByScore{Scores: op.AllScores()}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 2<<3 | bytesType:
			o.K = f.text()
		case 3<<3 | bytesType:
			scoreRange(&f, &o.Scores)
		case 4<<3 | varintType:
			o.Offset = uint32(f.num)
		case 5<<3 | varintType:
			o.Limit = uint32(f.num)
		case 6<<3 | varintType:
			o.Descending = int32(f.num) == descending
		}
	}
	return o, f.err()
}

// scoreRange reads the _ScoreRange in the present field; its upper bound is exclusive.
func scoreRange(f *fields, s *op.Scores) {
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			s.Min = math.Inf(-1)
			sub.empty()
		case 5<<3 | fixed64Type:
			s.Min = sub.double()
		case 3<<3 | bytesType:
			s.Max, s.MaxExclusive = math.Inf(1), false
			sub.empty()
		case 6<<3 | fixed64Type:
			s.Max, s.MaxExclusive = sub.double(), true
		}
	}
	f.bad = f.bad || sub.bad
}

// decodeBoardCompetitionRank decodes the one request whose order, where absent, is descending, and whose numbers start
// at 1.
func decodeBoardCompetitionRank(m []byte, o *op.BoardCompetitionRank) (op.Op, error) {
	*o = op.BoardCompetitionRank{IDs: o.IDs[:0], Descending: true}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.text()
		case 2<<3 | varintType, 2<<3 | bytesType:
			o.IDs = f.uint32s(o.IDs)
		case 3<<3 | varintType:
			o.Descending = int32(f.num) == descending
		}
	}
	return o, f.err()
}

func appendRankedByRank(b []byte, _ *op.BoardByRank, r *op.Reply) []byte   { return appendRanked(b, r) }
func appendRankedRank(b []byte, _ *op.BoardRank, r *op.Reply) []byte       { return appendRanked(b, r) }
func appendRankedByScore(b []byte, _ *op.BoardByScore, r *op.Reply) []byte { return appendRanked(b, r) }
func appendRankedCompetition(b []byte, _ *op.BoardCompetitionRank, r *op.Reply) []byte {
	return appendRanked(b, r)
}

// appendRanked appends the reply's elements, each an id in decimal with its rank and score.
func appendRanked(b []byte, r *op.Reply) []byte {
	for i := range r.Len() {
		p := r.Part(i)
		opened, element := begin(b, 1)
		opened = appendUint(opened, 1, decimal(p.Bytes))
		opened = appendUint(opened, 3, uint64(p.Rank))
		b = end(appendDouble(opened, 4, p.Num), element)
	}
	return b
}

// decimal reads the digits of an id.
func decimal(digits []byte) (n uint64) {
	for _, d := range digits {
		n = n*10 + uint64(d-'0')
	}
	return n
}
