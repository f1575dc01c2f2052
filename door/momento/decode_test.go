package momento

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/pb"
	"github.com/hearthcache/hearth/pb/pbtest"
	"github.com/hearthcache/hearth/value"
)

// decoding is one decoder with what it has to make of a message, in the words of package pb: nil where a oneof that has
// to be set is not.
type decoding struct {
	request proto.Message
	decode  func(m []byte) (op.Op, error)
	want    func(m proto.Message) op.Op
}

// decodes pairs a decoder with what is wanted. The request that it decodes into is used again, as the door does.
func decodes[T any, M proto.Message](decode decoder[*T], want func(m M) op.Op) decoding {
	var request M
	reused := new(T)
	return decoding{
		request: request.ProtoReflect().New().Interface(),
		decode:  func(m []byte) (op.Op, error) { return decode(m, reused) },
		want:    func(m proto.Message) op.Op { return want(m.(M)) },
	}
}

func ttl(millis uint64) op.Expiry { return op.Expiry{TTL: int64(min(millis, math.MaxInt64))} }

// decodings lists every decoder of a request that is one command.
func decodings() []decoding {
	var all []decoding
	for _, family := range [][]decoding{scalarDecodings(), conditionalDecodings(), dictDecodings(), setDecodings(),
		listDecodings(), sortedDecodings(), boardDecodings()} {
		all = append(all, family...)
	}
	return all
}

func scalarDecodings() []decoding {
	return []decoding{
		decodes(decodeGet, func(m *pb.XGetRequest) op.Op { return &op.Get{K: m.CacheKey} }),
		decodes(decodeDelete, func(m *pb.XDeleteRequest) op.Op { return &op.Delete{K: m.CacheKey} }),
		decodes(decodeSet, func(m *pb.XSetRequest) op.Op {
			return &op.Set{K: m.CacheKey, Value: m.CacheBody, Expiry: ttl(m.TtlMilliseconds)}
		}),
		decodes(decodeIncrement, func(m *pb.XIncrementRequest) op.Op {
			return &op.Increment{K: m.CacheKey, Amount: m.Amount, Expiry: ttl(m.TtlMilliseconds)}
		}),
		decodes(decodeItemTTL, func(m *pb.XItemGetTtlRequest) op.Op { return &op.ItemTTL{K: m.CacheKey} }),
		decodes(decodeItemType, func(m *pb.XItemGetTypeRequest) op.Op { return &op.ItemType{K: m.CacheKey} }),
		decodes(decodeUpdateTTL, func(m *pb.XUpdateTtlRequest) op.Op {
			switch u := m.UpdateTtl.(type) {
			case *pb.XUpdateTtlRequest_IncreaseToMilliseconds:
				return &op.UpdateTTL{K: m.CacheKey, When: op.IfLonger, Expiry: ttl(u.IncreaseToMilliseconds)}
			case *pb.XUpdateTtlRequest_DecreaseToMilliseconds:
				return &op.UpdateTTL{K: m.CacheKey, When: op.IfShorter, Expiry: ttl(u.DecreaseToMilliseconds)}
			case *pb.XUpdateTtlRequest_OverwriteToMilliseconds:
				return &op.UpdateTTL{K: m.CacheKey, Expiry: ttl(u.OverwriteToMilliseconds)}
			}
			return nil
		}),
	}
}

func conditionalDecodings() []decoding {
	return []decoding{
		decodes(decodeGetWithHash, func(m *pb.XGetWithHashRequest) op.Op { return &op.GetWithHash{K: m.CacheKey} }),
		decodes(decodeSetIfNotExists, func(m *pb.XSetIfNotExistsRequest) op.Op {
			return &op.SetIf{K: m.CacheKey, Value: m.CacheBody, Condition: op.Absent, Expiry: ttl(m.TtlMilliseconds)}
		}),
		decodes(decodeSetIf, func(m *pb.XSetIfRequest) op.Op {
			o := &op.SetIf{K: m.CacheKey, Value: m.CacheBody, Expiry: ttl(m.TtlMilliseconds)}
			switch c := m.Condition.(type) {
			case *pb.XSetIfRequest_Present:
				o.Condition = op.Present
			case *pb.XSetIfRequest_PresentAndNotEqual:
				o.Condition, o.Against = op.PresentAndNotEqual, c.PresentAndNotEqual.ValueToCheck
			case *pb.XSetIfRequest_Absent:
				o.Condition = op.Absent
			case *pb.XSetIfRequest_Equal:
				o.Condition, o.Against = op.Equal, c.Equal.ValueToCheck
			case *pb.XSetIfRequest_AbsentOrEqual:
				o.Condition, o.Against = op.AbsentOrEqual, c.AbsentOrEqual.ValueToCheck
			case *pb.XSetIfRequest_NotEqual:
				o.Condition, o.Against = op.NotEqual, c.NotEqual.ValueToCheck
			default:
				return nil
			}
			return o
		}),
		decodes(decodeSetIfHash, func(m *pb.XSetIfHashRequest) op.Op {
			o := &op.SetIfHash{K: m.CacheKey, Value: m.CacheBody, Expiry: ttl(m.TtlMilliseconds)}
			switch c := m.Condition.(type) {
			case *pb.XSetIfHashRequest_PresentAndNotHashEqual:
				o.Condition, o.Against = op.PresentAndNotEqual, c.PresentAndNotHashEqual.HashToCheck
			case *pb.XSetIfHashRequest_PresentAndHashEqual:
				o.Condition, o.Against = op.Equal, c.PresentAndHashEqual.HashToCheck
			case *pb.XSetIfHashRequest_AbsentOrHashEqual:
				o.Condition, o.Against = op.AbsentOrEqual, c.AbsentOrHashEqual.HashToCheck
			case *pb.XSetIfHashRequest_AbsentOrNotHashEqual:
				o.Condition, o.Against = op.NotEqual, c.AbsentOrNotHashEqual.HashToCheck
			case *pb.XSetIfHashRequest_Unconditional:
			default:
				return nil
			}
			return o
		}),
	}
}

func dictDecodings() []decoding {
	return []decoding{
		decodes(decodeDictGet, func(m *pb.XDictionaryGetRequest) op.Op { return &op.DictGet{K: m.DictionaryName, Fields: m.Fields} }),
		decodes(decodeDictFetch, func(m *pb.XDictionaryFetchRequest) op.Op { return &op.DictFetch{K: m.DictionaryName} }),
		decodes(decodeDictLength, func(m *pb.XDictionaryLengthRequest) op.Op { return &op.DictLength{K: m.DictionaryName} }),
		decodes(decodeDictSet, func(m *pb.XDictionarySetRequest) op.Op {
			o := &op.DictSet{K: m.DictionaryName, Expiry: ttl(m.TtlMilliseconds), Refresh: m.RefreshTtl}
			for _, p := range m.Items {
				o.Pairs = append(o.Pairs, op.Pair{Field: p.Field, Value: p.Value})
			}
			return o
		}),
		decodes(decodeDictIncrement, func(m *pb.XDictionaryIncrementRequest) op.Op {
			return &op.DictIncrement{K: m.DictionaryName, Field: m.Field, Amount: m.Amount, Expiry: ttl(m.TtlMilliseconds), Refresh: m.RefreshTtl}
		}),
		decodes(decodeDictDelete, func(m *pb.XDictionaryDeleteRequest) op.Op {
			switch d := m.Delete.(type) {
			case *pb.XDictionaryDeleteRequest_Some_:
				return &op.DictDelete{K: m.DictionaryName, Fields: d.Some.Fields}
			case *pb.XDictionaryDeleteRequest_All_:
				return &op.DeleteKind{K: m.DictionaryName, Kind: value.Dictionary}
			}
			return nil
		}),
	}
}

func setDecodings() []decoding {
	return []decoding{
		decodes(decodeSetFetch, func(m *pb.XSetFetchRequest) op.Op { return &op.SetFetch{K: m.SetName} }),
		decodes(decodeSetLength, func(m *pb.XSetLengthRequest) op.Op { return &op.SetLength{K: m.SetName} }),
		decodes(decodeSetContains, func(m *pb.XSetContainsRequest) op.Op { return &op.SetContains{K: m.SetName, Elements: m.Elements} }),
		decodes(decodeSetPop, func(m *pb.XSetPopRequest) op.Op { return &op.SetPop{K: m.SetName, Count: int64(m.Count)} }),
		decodes(decodeSetSample, func(m *pb.XSetSampleRequest) op.Op {
			return &op.SetSample{K: m.SetName, Limit: int64(min(m.Limit, math.MaxInt64))}
		}),
		decodes(decodeSetUnion, func(m *pb.XSetUnionRequest) op.Op {
			return &op.SetUnion{K: m.SetName, Elements: m.Elements, Expiry: ttl(m.TtlMilliseconds), Refresh: m.RefreshTtl}
		}),
		decodes(decodeSetDifference, func(m *pb.XSetDifferenceRequest) op.Op {
			if d, ok := m.Difference.(*pb.XSetDifferenceRequest_Minuend); ok {
				return &op.SetSubtractFrom{K: m.SetName, Elements: d.Minuend.Elements}
			}
			switch s := m.GetSubtrahend().GetSubtrahendSet().(type) {
			case *pb.XSetDifferenceRequest_XSubtrahend_Set:
				return &op.SetSubtract{K: m.SetName, Elements: s.Set.Elements}
			case *pb.XSetDifferenceRequest_XSubtrahend_Identity:
				return &op.DeleteKind{K: m.SetName, Kind: value.Set}
			}
			return nil
		}),
	}
}

func listSlice(startBounded bool, start int32, endBounded bool, end int32) op.Slice {
	var s op.Slice
	if startBounded {
		s.Start = int64(start)
	}
	if endBounded {
		s.End, s.Bounded = int64(end), true
	}
	return s
}

func push(front bool, key []byte, values [][]byte, millis uint64, refresh bool, truncate uint32) op.Op {
	return &op.ListPush{K: key, Front: front, Values: values, Truncate: int64(truncate), Expiry: ttl(millis), Refresh: refresh}
}

func listDecodings() []decoding {
	return []decoding{
		decodes(decodeListPushFront, func(m *pb.XListPushFrontRequest) op.Op {
			return push(true, m.ListName, [][]byte{m.Value}, m.TtlMilliseconds, m.RefreshTtl, m.TruncateBackToSize)
		}),
		decodes(decodeListPushBack, func(m *pb.XListPushBackRequest) op.Op {
			return push(false, m.ListName, [][]byte{m.Value}, m.TtlMilliseconds, m.RefreshTtl, m.TruncateFrontToSize)
		}),
		decodes(decodeListConcatenateFront, func(m *pb.XListConcatenateFrontRequest) op.Op {
			return push(true, m.ListName, m.Values, m.TtlMilliseconds, m.RefreshTtl, m.TruncateBackToSize)
		}),
		decodes(decodeListConcatenateBack, func(m *pb.XListConcatenateBackRequest) op.Op {
			return push(false, m.ListName, m.Values, m.TtlMilliseconds, m.RefreshTtl, m.TruncateFrontToSize)
		}),
		decodes(decodeListPopFront, func(m *pb.XListPopFrontRequest) op.Op { return &op.ListPop{K: m.ListName, Front: true, Count: 1} }),
		decodes(decodeListPopBack, func(m *pb.XListPopBackRequest) op.Op { return &op.ListPop{K: m.ListName, Count: 1} }),
		decodes(decodeListLength, func(m *pb.XListLengthRequest) op.Op { return &op.ListLength{K: m.ListName} }),
		decodes(decodeListErase, func(m *pb.XListEraseRequest) op.Op {
			switch e := m.Erase.(type) {
			case *pb.XListEraseRequest_Some:
				o := &op.ListErase{K: m.ListName}
				for _, r := range e.Some.Ranges {
					o.Ranges = append(o.Ranges, op.IndexRange{Begin: r.BeginIndex, Count: r.Count})
				}
				return o
			case *pb.XListEraseRequest_All:
				return &op.DeleteKind{K: m.ListName, Kind: value.List}
			}
			return nil
		}),
		decodes(decodeListRemove, func(m *pb.XListRemoveRequest) op.Op {
			if m.Remove == nil {
				return nil
			}
			return &op.ListRemove{K: m.ListName, Value: m.GetAllElementsWithValue()}
		}),
		decodes(decodeListFetch, func(m *pb.XListFetchRequest) op.Op {
			_, start := m.StartIndex.(*pb.XListFetchRequest_InclusiveStart)
			_, end := m.EndIndex.(*pb.XListFetchRequest_ExclusiveEnd)
			return &op.ListFetch{K: m.ListName, Slice: listSlice(start, m.GetInclusiveStart(), end, m.GetExclusiveEnd())}
		}),
		decodes(decodeListRetain, func(m *pb.XListRetainRequest) op.Op {
			_, start := m.StartIndex.(*pb.XListRetainRequest_InclusiveStart)
			_, end := m.EndIndex.(*pb.XListRetainRequest_ExclusiveEnd)
			return &op.ListRetain{K: m.ListName, Slice: listSlice(start, m.GetInclusiveStart(), end, m.GetExclusiveEnd()),
				Expiry: ttl(m.TtlMilliseconds), Refresh: m.RefreshTtl}
		}),
	}
}

func sortedDecodings() []decoding {
	return []decoding{
		decodes(decodeSortedPut, func(m *pb.XSortedSetPutRequest) op.Op {
			o := &op.SortedPut{K: m.SetName, Expiry: ttl(m.TtlMilliseconds), Refresh: m.RefreshTtl}
			for _, e := range m.Elements {
				o.Elements = append(o.Elements, op.Scored{Value: e.Value, Score: e.Score})
			}
			return o
		}),
		decodes(decodeSortedFetch, wantSortedFetch),
		decodes(decodeSortedScore, func(m *pb.XSortedSetGetScoreRequest) op.Op { return &op.SortedScore{K: m.SetName, Values: m.Values} }),
		decodes(decodeSortedRemove, func(m *pb.XSortedSetRemoveRequest) op.Op {
			switch r := m.RemoveElements.(type) {
			case *pb.XSortedSetRemoveRequest_Some:
				return &op.SortedRemove{K: m.SetName, Values: r.Some.Values}
			case *pb.XSortedSetRemoveRequest_All:
				return &op.DeleteKind{K: m.SetName, Kind: value.SortedSet}
			}
			return nil
		}),
		decodes(decodeSortedIncrement, func(m *pb.XSortedSetIncrementRequest) op.Op {
			return &op.SortedIncrement{K: m.SetName, Value: m.Value, Amount: m.Amount, Expiry: ttl(m.TtlMilliseconds), Refresh: m.RefreshTtl}
		}),
		decodes(decodeSortedRank, func(m *pb.XSortedSetGetRankRequest) op.Op {
			return &op.SortedRank{K: m.SetName, Value: m.Value, Descending: m.Order == pb.XSortedSetGetRankRequest_DESCENDING}
		}),
		decodes(decodeSortedLength, func(m *pb.XSortedSetLengthRequest) op.Op { return &op.SortedLength{K: m.SetName} }),
		decodes(decodeSortedCount, func(m *pb.XSortedSetLengthByScoreRequest) op.Op {
			s := op.AllScores()
			switch b := m.Min.(type) {
			case *pb.XSortedSetLengthByScoreRequest_InclusiveMin:
				s.Min = b.InclusiveMin
			case *pb.XSortedSetLengthByScoreRequest_ExclusiveMin:
				s.Min, s.MinExclusive = b.ExclusiveMin, true
			}
			switch b := m.Max.(type) {
			case *pb.XSortedSetLengthByScoreRequest_InclusiveMax:
				s.Max = b.InclusiveMax
			case *pb.XSortedSetLengthByScoreRequest_ExclusiveMax:
				s.Max, s.MaxExclusive = b.ExclusiveMax, true
			}
			return &op.SortedCount{K: m.SetName, Scores: s}
		}),
		decodes(decodeSortedUnionStore, func(m *pb.XSortedSetUnionStoreRequest) op.Op {
			if m.Aggregate < 0 || m.Aggregate > pb.XSortedSetUnionStoreRequest_MAX {
				return nil
			}
			o := &op.SortedUnionStore{K: m.SetName, Aggregate: op.Aggregate(m.Aggregate), Expiry: ttl(m.TtlMilliseconds)}
			for _, s := range m.Sources {
				o.Sources = append(o.Sources, op.Source{K: s.SetName, Weight: float64(s.Weight)})
			}
			return o
		}),
	}
}

func wantSortedFetch(m *pb.XSortedSetFetchRequest) op.Op {
	o := &op.SortedFetch{K: m.SetName, Descending: m.Order == pb.XSortedSetFetchRequest_DESCENDING}
	if r := m.GetByIndex(); r != nil {
		_, start := r.Start.(*pb.XSortedSetFetchRequest_XByIndex_InclusiveStartIndex)
		_, end := r.End.(*pb.XSortedSetFetchRequest_XByIndex_ExclusiveEndIndex)
		o.Slice = listSlice(start, r.GetInclusiveStartIndex(), end, r.GetExclusiveEndIndex())
	}
	if r := m.GetByScore(); r != nil {
		s := op.AllScores()
		if b := r.GetMinScore(); b != nil {
			s.Min, s.MinExclusive = b.Score, b.Exclusive
		}
		if b := r.GetMaxScore(); b != nil {
			s.Max, s.MaxExclusive = b.Score, b.Exclusive
		}
		o.Scores, o.Offset, o.Count = &s, int64(r.Offset), int64(r.Count)
	}
	return o
}

func boardDecodings() []decoding {
	down := func(o pb.XOrder) bool { return o == pb.XOrder_DESCENDING }
	return []decoding{
		decodes(decodeBoardDelete, func(m *pb.XDeleteLeaderboardRequest) op.Op { return &op.BoardDelete{K: []byte(m.Leaderboard)} }),
		decodes(decodeBoardLength, func(m *pb.XGetLeaderboardLengthRequest) op.Op { return &op.BoardLength{K: []byte(m.Leaderboard)} }),
		decodes(decodeBoardUpsert, func(m *pb.XUpsertElementsRequest) op.Op {
			o := &op.BoardUpsert{K: []byte(m.Leaderboard)}
			for _, e := range m.Elements {
				o.Elements = append(o.Elements, op.BoardElement{ID: e.Id, Score: e.Score})
			}
			return o
		}),
		decodes(decodeBoardRemove, func(m *pb.XRemoveElementsRequest) op.Op { return &op.BoardRemove{K: []byte(m.Leaderboard), IDs: m.Ids} }),
		decodes(decodeBoardByRank, func(m *pb.XGetByRankRequest) op.Op {
			r := m.GetRankRange()
			return &op.BoardByRank{K: []byte(m.Leaderboard), From: r.GetStartInclusive(), To: r.GetEndExclusive(), Descending: down(m.Order)}
		}),
		decodes(decodeBoardRank, func(m *pb.XGetRankRequest) op.Op {
			return &op.BoardRank{K: []byte(m.Leaderboard), IDs: m.Ids, Descending: down(m.Order)}
		}),
		decodes(decodeBoardCompetitionRank, func(m *pb.XGetCompetitionRankRequest) op.Op {
			return &op.BoardCompetitionRank{K: []byte(m.Leaderboard), IDs: m.Ids, Descending: m.Order == nil || down(*m.Order)}
		}),
		decodes(decodeBoardByScore, func(m *pb.XGetByScoreRequest) op.Op {
			s := op.AllScores()
			if b, ok := m.GetScoreRange().GetMin().(*pb.XScoreRange_MinInclusive); ok {
				s.Min = b.MinInclusive
			}
			if b, ok := m.GetScoreRange().GetMax().(*pb.XScoreRange_MaxExclusive); ok {
				s.Max, s.MaxExclusive = b.MaxExclusive, true
			}
			return &op.BoardByScore{K: []byte(m.Leaderboard), Scores: s, Offset: m.Offset, Limit: m.LimitElements, Descending: down(m.Order)}
		}),
	}
}

// check decodes a message and compares with what package pb made of it.
func (d *decoding) check(t *testing.T, m proto.Message, encoded []byte) {
	t.Helper()
	got, err := d.decode(encoded)
	want := d.want(m)
	if want == nil {
		if err == nil {
			t.Errorf("%T %v is taken though its oneof is not set", m, m)
		}
		return
	}
	if err != nil {
		t.Errorf("%T %v: %v", m, m, err)
		return
	}
	if !same(reflect.ValueOf(want), reflect.ValueOf(got)) {
		t.Errorf("%T %v:\nwant %+v\ngot  %+v", m, m, want, got)
	}
}

// same compares what two commands ask for: an empty list is none, and what is not exported is scratch.
func same(x, y reflect.Value) bool {
	if x.Type() != y.Type() {
		return false
	}
	switch x.Kind() {
	case reflect.Pointer:
		return x.IsNil() == y.IsNil() && (x.IsNil() || same(x.Elem(), y.Elem()))
	case reflect.Struct:
		for i := range x.NumField() {
			if x.Type().Field(i).IsExported() && !same(x.Field(i), y.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if x.Type().Elem().Kind() == reflect.Uint8 {
			return bytes.Equal(x.Bytes(), y.Bytes())
		}
		for i := range min(x.Len(), y.Len()) {
			if !same(x.Index(i), y.Index(i)) {
				return false
			}
		}
		return x.Len() == y.Len()
	case reflect.Float64:
		return math.Float64bits(x.Float()) == math.Float64bits(y.Float())
	}
	return x.Equal(y)
}

func TestDecodersAgreeWithProtobuf(t *testing.T) {
	all := decodings()
	if len(all) != 47-3+8 { // the data calls but for KeysExist and the batches, and leaderboards
		t.Errorf("%d decoders are tested", len(all))
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, d := range all {
		for range 300 {
			m := pbtest.Random(r, d.request.ProtoReflect().Type())
			b, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			d.check(t, m, b)
			d.check(t, m, append(b, 0xfa, 0x7f, 2, 'x', 'y')) // an unknown field
		}
	}
}

// Whatever bytes come, a decoder does not panic, and takes what package pb takes, to the same effect.
func FuzzDecoders(f *testing.F) {
	all := decodings()
	r := rand.New(rand.NewPCG(5, 6))
	for i := range all {
		b, err := proto.Marshal(pbtest.Random(r, all[i].request.ProtoReflect().Type()))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), b)
		f.Add(byte(i), append(b, b...))
	}
	f.Fuzz(func(t *testing.T, which byte, encoded []byte) {
		d := &all[int(which)%len(all)]
		m := d.request.ProtoReflect().New().Interface()
		_, err := d.decode(encoded)
		if proto.Unmarshal(encoded, m) != nil {
			if err == nil {
				t.Errorf("%T: %x is taken", m, encoded)
			}
			return
		}
		d.check(t, m, encoded)
	})
}
