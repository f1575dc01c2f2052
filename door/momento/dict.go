package momento

import (
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// dictRows are the methods on dictionaries.
func (h *Handler) dictRows() []row {
	return []row{
		data(h, "/cache_client.Scs/DictionaryGet", decodeDictGet, appendDictGet),
		data(h, "/cache_client.Scs/DictionaryFetch", decodeDictFetch, appendDictFetch),
		data(h, "/cache_client.Scs/DictionarySet", decodeDictSet, appendNothing),
		data(h, "/cache_client.Scs/DictionaryIncrement", decodeDictIncrement, appendDictIncrement),
		data(h, "/cache_client.Scs/DictionaryDelete", decodeDictDelete, appendNothing),
		data(h, "/cache_client.Scs/DictionaryLength", decodeDictLength, appendDictLength),
	}
}

// keyAndList decodes a request with a key in field 1 and repeated bytes in field 2.
func keyAndList(m []byte, key *[]byte, list *[][]byte) error {
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			*key = f.data
		case 2<<3 | bytesType:
			*list = append(*list, f.data)
		}
	}
	return f.err()
}

func decodeDictGet(m []byte, o *op.DictGet) (op.Op, error) {
	*o = op.DictGet{Fields: o.Fields[:0]}
	return o, keyAndList(m, &o.K, &o.Fields)
}

func appendDictGet(b []byte, _ *op.DictGet, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	for i := range r.Len() {
		p := r.Part(i)
		opened, item := begin(b, 1)
		if p.Hit {
			opened = appendBytes(appendUint(opened, 1, resultHit), 2, p.Bytes)
		} else {
			opened = appendUint(opened, 1, resultMiss)
		}
		b = end(opened, item)
	}
	return end(b, found)
}

func decodeDictFetch(m []byte, o *op.DictFetch) (op.Op, error) {
	*o = op.DictFetch{}
	return o, key1(m, &o.K)
}

func appendDictFetch(b []byte, _ *op.DictFetch, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	for i := 0; i+1 < r.Len(); i += 2 {
		opened, item := begin(b, 1)
		opened = appendBytes(opened, 1, r.Part(i).Bytes)
		b = end(appendBytes(opened, 2, r.Part(i+1).Bytes), item)
	}
	return end(b, found)
}

func decodeDictSet(m []byte, o *op.DictSet) (op.Op, error) {
	*o = op.DictSet{Pairs: o.Pairs[:0]}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Pairs = append(o.Pairs, pair(&f))
		case 3<<3 | varintType:
			o.Expiry.TTL = f.millis()
		case 4<<3 | varintType:
			o.Refresh = f.num != 0
		}
	}
	return o, f.err()
}

// pair reads the _DictionaryFieldValuePair in the present field.
func pair(f *fields) (p op.Pair) {
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			p.Field = sub.data
		case 2<<3 | bytesType:
			p.Value = sub.data
		}
	}
	f.bad = f.bad || sub.bad
	return p
}

func decodeDictIncrement(m []byte, o *op.DictIncrement) (op.Op, error) {
	*o = op.DictIncrement{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Field = f.data
		case 3<<3 | varintType:
			o.Amount = int64(f.num)
		case 4<<3 | varintType:
			o.Expiry.TTL = f.millis()
		case 5<<3 | varintType:
			o.Refresh = f.num != 0
		}
	}
	return o, f.err()
}

func appendDictIncrement(b []byte, _ *op.DictIncrement, r *op.Reply) []byte {
	return appendUint(b, 1, uint64(r.Int))
}

// dictDelete has room for both requests to delete.
type dictDelete struct {
	some op.DictDelete
	all  op.DeleteKind
}

func decodeDictDelete(m []byte, o *dictDelete) (op.Op, error) {
	*o = dictDelete{some: op.DictDelete{Fields: o.some.Fields[:0]}, all: op.DeleteKind{Kind: value.Dictionary}}
	which := 0
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.some.K, o.all.K = f.data, f.data
		case 2<<3 | bytesType:
			if which != 2 {
				o.some.Fields = o.some.Fields[:0]
			}
			o.some.Fields, which = f.blobs(o.some.Fields), 2
		case 3<<3 | bytesType:
			which = 3
			f.empty()
		}
	}
	switch {
	case which == 3:
		return &o.all, f.err()
	case which == 0 && !f.bad:
		return &o.some, invalid("delete is not set: it is one of some and all")
	}
	return &o.some, f.err()
}

func decodeDictLength(m []byte, o *op.DictLength) (op.Op, error) {
	*o = op.DictLength{}
	return o, key1(m, &o.K)
}

func appendDictLength(b []byte, _ *op.DictLength, r *op.Reply) []byte { return appendFound(b, r) }
