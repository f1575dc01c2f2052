package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
)

// Bounds of batches.
const (
	batchItemsMax = 1000
	batchBodyMax  = hearth.MessageBytesMax
)

// batchRoutes are the requests on several items of a cache.
func (a *API) batchRoutes() []route {
	return []route{
		{"POST /cache/{cache}/batch", a.batch, doc{
			summary: "Gets, sets and deletes items of a cache. They do not depend on each other: each succeeds or fails by itself.",
			body:    batchBody{}, answer: batchAnswer{}}},
	}
}

// named is an item as JSON names it: a text, or URL-safe base64 of bytes.
type named struct {
	Key       *string `json:"key,omitempty"`
	KeyBase64 *string `json:"key_base64,omitempty"`
}

// valued is a value as JSON has it: a text, or base64 of bytes.
type valued struct {
	Value       *string `json:"value,omitempty"`
	ValueBase64 *[]byte `json:"value_base64,omitempty"`
}

type batchSet struct {
	named
	valued
	Seconds int64    `json:"ttl_seconds" required:"true"`
	Tags    []string `json:"tags,omitempty"`
}

type batchBody struct {
	Gets    []named    `json:"gets,omitempty"`
	Sets    []batchSet `json:"sets,omitempty"`
	Deletes []named    `json:"deletes,omitempty"`
}

// outcome is what became of one item of a batch: hit, miss, done or error.
type outcome struct {
	Status string `json:"status"`
	valued
	TTL   *int64   `json:"ttl_milliseconds,omitempty"` // of a hit that expires
	Error *problem `json:"error,omitempty"`
}

type batchAnswer struct {
	Gets    []outcome `json:"gets"`
	Sets    []outcome `json:"sets"`
	Deletes []outcome `json:"deletes"`
}

func (a *API) batch(w http.ResponseWriter, r *http.Request) error {
	c, err := a.caller(r, r.PathValue("cache"))
	if err != nil {
		return err
	}
	if a.gateway.View().Caches[c.Cache()] == nil {
		return control.NoCache(c.Cache())
	}
	var body batchBody
	if err := readUpTo(r, batchBodyMax, &body); err != nil {
		return err
	}
	os, err := body.ops()
	if err != nil {
		return err
	}
	rs := make([]op.Reply, len(os))
	a.gateway.DoAll(r.Context(), c, os, rs)
	size := 0
	for i := range rs {
		size += 2 * rs[i].Bytes() // a value, and its text
	}
	size = min(size, 2*hearth.AnswerBytesMax)
	if !a.answers.Take(size, 0) { // what was stored stays so, and has to be told
		size = 0
		for i := range body.Gets {
			if rs[i].Bytes() > 0 {
				rs[i].Reset()
				rs[i].Err = errAnswers
			}
		}
	}
	defer a.answers.Give(size)
	gets, sets := len(body.Gets), len(body.Gets)+len(body.Sets)
	text := appendJSON(nil, batchAnswer{outcomes(rs[:gets]), outcomes(rs[gets:sets]), outcomes(rs[sets:])})
	for i := range rs {
		rs[i].Reset()
	}
	writeText(w, http.StatusOK, text)
	return nil
}

var errAnswers = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize,
	Msg: "request limit: too many answers wait to be read; try again later"}

// ops returns the commands of a batch in the order gets, sets, deletes.
func (b *batchBody) ops() ([]op.Op, error) {
	n := len(b.Gets) + len(b.Sets) + len(b.Deletes)
	if n == 0 || n > batchItemsMax {
		return nil, invalidf("the batch has %d items in gets, sets and deletes; it has 1 to %d", n, batchItemsMax)
	}
	os := make([]op.Op, 0, n)
	for i, g := range b.Gets {
		key, err := g.bytes("gets", i)
		if err != nil {
			return nil, err
		}
		os = append(os, &op.GetTTL{K: key})
	}
	for i, s := range b.Sets {
		o, err := s.op(i)
		if err != nil {
			return nil, err
		}
		os = append(os, o)
	}
	for i, d := range b.Deletes {
		key, err := d.bytes("deletes", i)
		if err != nil {
			return nil, err
		}
		os = append(os, &op.Delete{K: key})
	}
	return os, nil
}

func (n *named) bytes(list string, i int) ([]byte, error) {
	switch {
	case (n.Key == nil) == (n.KeyBase64 == nil):
		return nil, invalidf("%s[%d]: exactly one of key and key_base64 names the item", list, i)
	case n.Key != nil:
		return []byte(*n.Key), nil
	}
	key, err := decodeKey(*n.KeyBase64)
	if err != nil {
		return nil, invalidf("%s[%d]: %v", list, i, err)
	}
	return key, nil
}

func (s *batchSet) op(i int) (op.Op, error) {
	key, err := s.named.bytes("sets", i)
	switch {
	case err != nil:
		return nil, err
	case (s.Value == nil) == (s.ValueBase64 == nil):
		return nil, invalidf("sets[%d]: exactly one of value and value_base64 is the value", i)
	case s.Seconds <= 0 || s.Seconds > math.MaxInt64/1000:
		return nil, invalidf("sets[%d]: ttl_seconds is %d; it is required, a whole number above 0", i, s.Seconds)
	}
	o := &op.Set{K: key, Expiry: op.Expiry{TTL: s.Seconds * 1000}}
	for _, t := range s.Tags {
		o.Tags = append(o.Tags, []byte(t))
	}
	if s.Value != nil {
		o.Value = []byte(*s.Value)
	} else {
		o.Value = *s.ValueBase64
	}
	return o, nil
}

func outcomes(rs []op.Reply) []outcome {
	out := make([]outcome, len(rs))
	size := 0
	for i := range rs {
		r := &rs[i]
		if size += r.Bytes(); r.Err == nil && size > hearth.AnswerBytesMax {
			size -= r.Bytes()
			r.Err = errBatchAnswer
		}
		out[i] = outcomeOf(r)
	}
	return out
}

var errBatchAnswer = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize,
	Msg: "request limit: the values of one batch are larger than " + strconv.Itoa(hearth.AnswerBytesMax) + " bytes together"}

func outcomeOf(r *op.Reply) (out outcome) {
	switch {
	case r.Err != nil:
		p := problemOf(r.Err)
		return outcome{Status: "error", Error: &p}
	case r.Status == op.Miss:
		out.Status = "miss"
	case r.Status == op.Hit:
		out.Status = "hit"
		out.valued = valuedOf(r.Value())
		if r.Int >= 0 {
			out.TTL = &r.Int
		}
	default:
		out.Status = "done"
	}
	return out
}

func valuedOf(v []byte) valued {
	if utf8.Valid(v) {
		text := string(v)
		return valued{Value: &text}
	}
	return valued{ValueBase64: &v}
}
