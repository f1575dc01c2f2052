package op

import (
	"github.com/hearthcache/hearth/value"
)

// sortedPart is a part of a sorted set: by scores, by bytes, or, where both are nil, by a slice of the order asked for.
type sortedPart struct {
	slice  Slice
	scores *Scores
	lex    *Lex
}

// indexes returns the places of the part in the ascending order, with from <= to.
func (p sortedPart) indexes(z *value.Sorted, descending bool) (from, to int) {
	switch {
	case p.scores != nil:
		return p.scores.indexes(z)
	case p.lex != nil:
		return p.lex.indexes(z)
	}
	from, to = p.slice.bounds(z.Len())
	if descending {
		from, to = z.Len()-to, z.Len()-from
	}
	return from, to
}

// args spells the part: how, and its lower and upper end.
func (p sortedPart) args() (by string, low, high []byte) {
	switch {
	case p.scores != nil:
		low, high = p.scores.args()
		return "SCORE", low, high
	case p.lex != nil:
		low, high = p.lex.args()
		return "LEX", low, high
	}
	first, last := p.slice.inclusive()
	return "", num(first), num(last)
}
