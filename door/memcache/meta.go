package memcache

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/hearthcache/hearth/op"
)

// metaFlag is one flag of a meta command: a letter and what follows it.
type metaFlag struct {
	letter byte
	token  []byte
}

// metaCall is a meta command's line.
type metaCall struct {
	key   []byte // decoded
	shown []byte // as it was spelt
	flags []metaFlag
}

const (
	errBadToken = "CLIENT_ERROR bad token in command line format"
	errFlag     = "CLIENT_ERROR invalid flag"
	errTwice    = "CLIENT_ERROR duplicate flag"
	errDecode   = "CLIENT_ERROR error decoding key"
)

// errVague is what md and ma say of any wrong flag.
const errVague = "CLIENT_ERROR invalid or duplicate flag"

// What a meta command may have: words, with its name and key, and bytes of an opaque token, with its letter.
const (
	metaWordsMax   = 19
	opaqueBytesMax = 32
)

const errOpaque = "CLIENT_ERROR opaque token too long"

// meta reads key and flags, and answers where they are wrong.
func (c *conn) meta(words [][]byte) (m metaCall, ok bool) {
	if len(words[1]) > keyBytesMax {
		c.say(errFormat)
		return m, false
	}
	if len(words) > metaWordsMax {
		long := "CLIENT_ERROR options flags too long"
		if string(words[0]) == "mg" {
			long = "CLIENT_ERROR options flags are too long"
		}
		c.say(long)
		return m, false
	}
	m, wrong := metaOf(words[1], words[2:])
	if wrong != "" && string(words[0]) != "mg" {
		wrong = errVague
	}
	if wrong == "" {
		wrong = opaqueOf(m.flags)
	}
	if wrong != "" {
		c.say(wrong)
	}
	return m, wrong == ""
}

// opaqueOf returns what is wrong with the token that the client wants back.
func opaqueOf(flags []metaFlag) string {
	if t, _ := token(flags, 'O'); len(t)+1 > opaqueBytesMax {
		return errOpaque
	}
	return ""
}

// metaOf reads key and flags; words are those behind the key, without a length. wrong is an error's text: of the last token that is
// wrong, or of a flag that is unknown or stands twice, behind which nothing is read.
func metaOf(key []byte, words [][]byte) (m metaCall, wrong string) {
	m.key, m.shown = key, key
	m.flags = make([]metaFlag, 0, len(words))
	var seen [127]bool
	unclear := false
	for _, w := range words {
		f := metaFlag{w[0], w[1:]}
		if f.letter >= 127 || seen[f.letter] {
			return m, errTwice
		}
		seen[f.letter] = true
		ok := true
		switch f.letter {
		case 'b':
			if !m.decode() {
				wrong = errDecode
			}
		case 'N', 'T', 'R':
			if _, ok = exptime(f.token); !ok {
				wrong = errBadToken
			}
		case 'C':
			if _, ok = unsigned(f.token); !ok {
				wrong = errBadToken
			}
		case 'J':
			if _, ok = unsigned(f.token); !ok {
				wrong = "CLIENT_ERROR invalid numeric initial value"
			}
		case 'D':
			if _, ok = unsigned(f.token); !ok {
				wrong = "CLIENT_ERROR invalid numeric delta value"
			}
		case 'F':
			_, ok = unsigned(f.token)
			unclear = unclear || !ok
		case 'M':
			if len(f.token) != 1 {
				wrong = "CLIENT_ERROR incorrect length for M token"
			}
		case 'O', 'P', 'L', 'l', 'k', 's', 't', 'c', 'f', 'v', 'h', 'u', 'q', 'I':
		default:
			return m, errFlag
		}
		m.flags = append(m.flags, f)
	}
	if unclear && wrong == "" {
		wrong = errFormat
	}
	return m, wrong
}

func (m *metaCall) decode() bool {
	plain := make([]byte, base64.StdEncoding.DecodedLen(len(m.shown)))
	n, err := base64.StdEncoding.Decode(plain, m.shown)
	m.key = plain[:n]
	return err == nil && n > 0
}

// has reports whether a flag is there.
func has(flags []metaFlag, letter byte) bool {
	_, ok := token(flags, letter)
	return ok
}

// token returns what follows a flag's letter.
func token(flags []metaFlag, letter byte) ([]byte, bool) {
	for _, f := range flags {
		if f.letter == letter {
			return f.token, true
		}
	}
	return nil, false
}

// before reports whether both flags are there and a stands before b: memcached looks at flags one after another.
func before(flags []metaFlag, a, b byte) bool {
	seen := false
	for _, f := range flags {
		if f.letter == b {
			return seen
		}
		seen = seen || f.letter == a
	}
	return false
}

// number reads the unsigned number of a flag, which is one: metaOf has looked.
func number(flags []metaFlag, letter byte) (n uint64, given bool) {
	t, given := token(flags, letter)
	if given {
		n, _ = unsigned(t)
	}
	return n, given
}

// seconds reads the expiry of a flag, which is one.
func seconds(flags []metaFlag, letter byte) (x op.Expiry, given bool) {
	t, given := token(flags, letter)
	if given {
		x, _ = exptime(t)
	}
	return x, given
}

// made reads the expiry of an item that is made where there is none: that of N, or of a T behind it.
func made(flags []metaFlag) (x op.Expiry, given bool) {
	x, given = seconds(flags, 'N')
	if before(flags, 'N', 'T') {
		x, _ = seconds(flags, 'T')
	}
	return x, given
}

// shownFlags answers with the flags that are only said back: the key and the opaque token.
func (c *conn) shownFlags(flags []metaFlag, shown []byte) {
	for _, f := range flags {
		c.shownFlag(f, flags, shown)
	}
}

func (c *conn) shownFlag(f metaFlag, flags []metaFlag, shown []byte) {
	switch f.letter {
	case 'k':
		c.out = append(append(c.out, " k"...), shown...)
		if has(flags, 'b') {
			c.out = append(c.out, " b"...)
		}
	case 'O':
		c.out = append(append(c.out, " O"...), f.token...)
	}
}

// metaLine answers with a code and the flags that are said back.
func (c *conn) metaLine(code string, flags []metaFlag, shown []byte) {
	c.out = append(c.out, code...)
	c.shownFlags(flags, shown)
	c.out = append(c.out, '\r', '\n')
}

// own returns a copy of m that outlives its line.
func (m metaCall) own() metaCall {
	m.key, m.shown = bytes.Clone(m.key), bytes.Clone(m.shown)
	flags := make([]metaFlag, len(m.flags))
	for i, f := range m.flags {
		flags[i] = metaFlag{f.letter, bytes.Clone(f.token)}
	}
	m.flags = flags
	return m
}

func runMetaGet(c *conn, words [][]byte) {
	c.door.count.metas.Add(1)
	m, ok := c.meta(words)
	if !ok {
		return
	}
	o := &op.MetaGet{K: m.key, Tell: true}
	o.Expiry, o.Touch = seconds(m.flags, 'T')
	o.Made, o.Vivify = made(m.flags)
	if x, recache := seconds(m.flags, 'R'); recache {
		o.Recache = x.TTL
		o.Early = before(m.flags, 'T', 'R')
	}
	c.run(o, func(r *op.Reply, err error) { c.metaFetched(m, r, err) }, func() op.Op {
		m = m.own()
		o.K = m.key
		return o
	})
}

func (c *conn) metaFetched(m metaCall, r *op.Reply, err error) {
	c.door.count.gets.Add(1)
	switch {
	case err != nil:
		c.say(errorText(err))
		return
	case r.Status != op.Hit:
		c.door.count.getMisses.Add(1)
		if !has(m.flags, 'q') {
			c.metaLine("EN", m.flags, m.shown)
		}
		return
	}
	c.door.count.getHits.Add(1)
	v := r.Value()
	wanted := has(m.flags, 'v')
	if wanted {
		c.out = append(c.out, "VA "...)
		c.out = strconv.AppendInt(c.out, int64(len(v)), 10)
	} else {
		c.out = append(c.out, "HD"...)
	}
	for _, f := range m.flags {
		c.told(f, m, r, v)
	}
	// Who is to load the item again, and who has been told before.
	if r.Attrs.Won {
		c.out = append(c.out, " Z"...)
	}
	if r.Attrs.Stale {
		c.out = append(c.out, " X"...)
	}
	if r.Num == 1 {
		c.out = append(c.out, " W"...)
	}
	c.out = append(c.out, '\r', '\n')
	if wanted {
		c.value(r)
	}
}

// told answers with what one flag asks of an item.
func (c *conn) told(f metaFlag, m metaCall, r *op.Reply, v []byte) {
	n := uint64(0)
	switch f.letter {
	case 's':
		n = uint64(len(v))
	case 'c':
		n = op.Fingerprint(r.Attrs.Flags, v)
	case 'f':
		n = uint64(r.Attrs.Flags)
	case 'h':
		// Whether it was read before is not kept.
		n = 1
	case 'l':
	case 't':
		left := r.Int
		if r.Len() > 0 && (before(m.flags, 't', 'T') || before(m.flags, 't', 'N')) {
			left = int64(r.Part(0).Num)
		}
		if left < 0 {
			c.out = append(c.out, " t-1"...)
			return
		}
		n = uint64(left+999) / 1000
	default:
		c.shownFlag(f, m.flags, m.shown)
		return
	}
	c.out = append(c.out, ' ', f.letter)
	c.out = strconv.AppendUint(c.out, n, 10)
}

func runMetaSet(c *conn, words [][]byte) {
	c.door.count.metas.Add(1)
	switch {
	case len(words) < 3 || len(words[1]) > keyBytesMax:
		c.say(errFormat)
		return
	case len(words) > metaWordsMax:
		c.say("CLIENT_ERROR options flags too long")
		return
	}
	size, err := strconv.ParseInt(string(words[2]), 10, 32)
	if err != nil || size < 0 {
		c.say(errFormat)
		return
	}
	m, wrong := metaOf(words[1], words[3:])
	m = m.own()
	b := &body{size: int(size), flags: m.flags, shown: m.shown, set: op.MetaSet{K: m.key}}
	if wrong == "" {
		wrong = metaStore(&b.set, m.flags)
	}
	if wrong == "" {
		wrong = opaqueOf(m.flags)
	}
	if b.trash = wrong; wrong == "" && len(m.key)+b.size > c.itemBytesMax() {
		b.trash = errTooLarge
		c.door.count.tooLarge.Add(1)
	}
	if b.flags == nil {
		b.flags = []metaFlag{}
	}
	c.expect(b)
}

// metaStore reads the flags of ms; it returns an error's text where one is wrong.
func metaStore(s *op.MetaSet, flags []metaFlag) string {
	f, _ := number(flags, 'F')
	cas, guarded := number(flags, 'C')
	x, _ := seconds(flags, 'T')
	s.Flags, s.Expiry, s.Guard = uint32(f), x, op.Guard{Given: guarded, CAS: cas}
	s.Invalidate, s.WantCAS = has(flags, 'I'), has(flags, 'c')
	if mode, ok := token(flags, 'M'); ok {
		switch mode[0] {
		case 'E', 'e':
			s.Mode = op.StoreNew
		case 'A', 'a':
			s.Mode = op.StoreAfter
		case 'P', 'p':
			s.Mode = op.StoreBefore
		case 'R', 'r':
			s.Mode = op.StoreOld
		case 'S', 's':
		default:
			return "CLIENT_ERROR invalid mode for ms M token"
		}
	}
	return ""
}

func (c *conn) metaStored(b *body, r *op.Reply, err error) {
	code := "HD"
	switch {
	case err != nil:
		c.say(errorText(err))
		return
	case r.Status == op.Miss:
		code = "NF"
	case r.Status == op.Refused && r.Int == 1:
		code = "EX"
	case r.Status == op.Refused:
		code = "NS"
	case has(b.flags, 'q'):
		return
	}
	c.out = append(c.out, code...)
	for _, f := range b.flags {
		if f.letter == 'c' {
			c.out = append(c.out, " c"...)
			n := uint64(0)
			if code == "HD" {
				n = uint64(r.Int)
			}
			c.out = strconv.AppendUint(c.out, n, 10)
			continue
		}
		c.shownFlag(f, b.flags, b.shown)
	}
	c.out = append(c.out, '\r', '\n')
}

func runMetaDelete(c *conn, words [][]byte) {
	c.door.count.metas.Add(1)
	m, ok := c.meta(words)
	if !ok {
		return
	}
	cas, guarded := number(m.flags, 'C')
	x, touch := seconds(m.flags, 'T')
	o := &op.MetaDelete{K: m.key, Guard: op.Guard{Given: guarded, CAS: cas}, Stale: has(m.flags, 'I'), Touch: touch, Expiry: x}
	c.run(o, func(r *op.Reply, err error) {
		switch {
		case err != nil:
			c.say(errorText(err))
		case r.Status == op.Miss:
			c.door.count.deleteMisses.Add(1)
			c.metaLine("NF", m.flags, m.shown)
		case r.Status == op.Refused:
			c.metaLine("EX", m.flags, m.shown)
		default:
			c.door.count.deleteHits.Add(1)
			if !has(m.flags, 'q') {
				c.metaLine("HD", m.flags, m.shown)
			}
		}
	}, func() op.Op {
		m = m.own()
		o.K = m.key
		return o
	})
}

func runMetaArithmetic(c *conn, words [][]byte) {
	c.door.count.metas.Add(1)
	m, ok := c.meta(words)
	if !ok {
		return
	}
	o := &op.MetaArithmetic{K: m.key, Delta: 1, WantCAS: has(m.flags, 'c')}
	if text := metaCount(o, m.flags); text != "" {
		c.say(text)
		return
	}
	c.run(o, func(r *op.Reply, err error) { c.counted(m, r, err) }, func() op.Op {
		m = m.own()
		o.K = m.key
		return o
	})
}

// metaCount reads the flags of ma; it returns an error's text where one is wrong.
func metaCount(o *op.MetaArithmetic, flags []metaFlag) string {
	o.Made, o.Vivify = made(flags)
	o.Expiry, o.Touch = seconds(flags, 'T')
	if delta, given := number(flags, 'D'); given {
		o.Delta = delta
	}
	o.Initial, _ = number(flags, 'J')
	o.Guard.CAS, o.Guard.Given = number(flags, 'C')
	mode, ok := token(flags, 'M')
	switch {
	case !ok:
	case mode[0] == 'D' || mode[0] == 'd' || mode[0] == '-':
		o.Down = true
	case mode[0] != 'I' && mode[0] != 'i' && mode[0] != '+':
		return "CLIENT_ERROR invalid mode for ma M token"
	}
	return ""
}

func (c *conn) counted(m metaCall, r *op.Reply, err error) {
	switch {
	case err != nil:
		c.say(errorText(err))
		return
	case r.Status == op.Miss:
		c.metaLine("NF", m.flags, m.shown)
		return
	case r.Status == op.Refused:
		c.metaLine("EX", m.flags, m.shown)
		return
	case has(m.flags, 'q') && r.Num == 0:
		return
	}
	v := r.Value()
	if has(m.flags, 'v') {
		c.out = append(c.out, "VA "...)
		c.out = strconv.AppendInt(c.out, int64(len(v)), 10)
	} else {
		c.out = append(c.out, "HD"...)
	}
	created := r.Num == 1
	if created {
		r.Int = -1
	}
	for _, f := range m.flags {
		switch {
		case created && (f.letter == 'T' || f.letter == 'N'):
			r.Int = left(f.token) // for a t behind it
		case f.letter == 'c' && r.Len() > 0:
			c.out = append(append(c.out, " c"...), r.Part(0).Bytes...)
		case f.letter == 't':
			c.told(f, metaCall{}, r, v)
		default:
			c.shownFlag(f, m.flags, m.shown)
		}
	}
	c.out = append(c.out, '\r', '\n')
	if has(m.flags, 'v') {
		c.out = append(append(c.out, v...), '\r', '\n')
	}
}

// left is how many milliseconds an item with a flag's expiry has to live; -1 is for ever.
func left(token []byte) int64 {
	switch x, _ := exptime(token); {
	case x.TTL > 0:
		return x.TTL
	case x.At > 0:
		return x.At - time.Now().UnixMilli()
	}
	return -1
}

// runMetaDebug tells of an item what there is to tell: it was not counted when it was read last, and its class is 1.
func runMetaDebug(c *conn, words [][]byte) {
	c.door.count.metas.Add(1)
	m := metaCall{key: words[1], shown: words[1]}
	binary := len(words) > 2 && string(words[2]) == "b"
	if len(m.key) > keyBytesMax || binary && !m.decode() {
		c.say(errFormat)
		return
	}
	o := &op.MetaGet{K: m.key}
	c.run(o, func(r *op.Reply, err error) {
		switch {
		case err != nil:
			c.say(errorText(err))
			return
		case r.Status != op.Hit:
			c.say("EN")
			return
		}
		exp := r.Int
		if exp >= 0 {
			exp = (exp + 999) / 1000
		}
		v := r.Value()
		c.say("ME " + string(m.shown) + " exp=" + strconv.FormatInt(exp, 10) + " la=0 cas=" +
			strconv.FormatUint(op.Fingerprint(r.Attrs.Flags, v), 10) + " fetch=yes cls=1 size=" + strconv.Itoa(len(m.key)+len(v)))
	}, func() op.Op {
		m = m.own()
		o.K = m.key
		return o
	})
}
