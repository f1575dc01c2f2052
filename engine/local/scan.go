package local

import (
	"context"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/value"
)

// Scan implements engine.Scanner. The cursor is the beginning of the hashes to come: as pages and shards only ever
// divide by leading bits, nothing that stays is passed over, and nothing is returned twice.
func (e *Engine) Scan(_ context.Context, id hearth.Space, cursor uint64, limit int, kind value.Kind) (keys [][]byte, next uint64, err error) {
	sp := e.spaces.get(id)
	if sp == nil {
		return nil, 0, nil
	}
	now := e.now()
	h := cursor << (64 - scanBits)
	for {
		s := sp.lock(h)
		keys, h = s.scan(keys, h, limit, kind, now)
		s.mu.Unlock()
		if h == 0 || len(keys) >= limit {
			return keys, h >> (64 - scanBits), nil
		}
	}
}

// scan appends the keys of a page, or of a part of one that has more than limit, from the hash h on. It returns the
// first hash after them, 0 at the end.
func (s *shard) scan(keys [][]byte, h uint64, limit int, kind value.Kind, now int64) ([][]byte, uint64) {
	known := s.skip
	if len(s.dir) == 0 {
		return keys, (h | ^uint64(0)>>known) + 1
	}
	p := s.at(h << s.skip)
	known += p.depth
	for n, i := int(p.items), 0; n > limit && i < homeBits; i++ {
		known++
		n /= 2
	}
	end := h | ^uint64(0)>>known
	s.each(p, func(v uint64) {
		low := s.part<<(64-s.skip) | v&^posMask>>s.skip
		if low < h || low > end {
			return
		}
		r := s.record(pos(v))
		if (kind == value.None || r.kind() == kind) && !r.expired(now) && !s.stale(r) {
			keys = append(keys, append([]byte(nil), r.key()...))
		}
	})
	return keys, end + 1
}
