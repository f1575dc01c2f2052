package enginetest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// Format spells a command as a line of a script: its type and the fields that are set. Bytes are words, or quoted as in
// Go; lists stand in brackets; the fields of a struct are joined by colons.
func Format(o op.Op) string {
	v := reflect.ValueOf(o).Elem()
	b := strings.Builder{}
	b.WriteString(v.Type().Name())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		empty := f.Type.Kind() == reflect.Slice && v.Field(i).Len() == 0
		if !f.IsExported() || v.Field(i).IsZero() || empty || f.Type.Kind() == reflect.Interface {
			continue
		}
		fmt.Fprintf(&b, " %s=%s", f.Name, formatField(v.Field(i)))
	}
	return b.String()
}

func formatField(v reflect.Value) string {
	if b, ok := v.Interface().([]byte); ok {
		return word(b)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return formatField(v.Elem())
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, formatField(v.Index(i)))
		}
		return "[" + strings.Join(items, " ") + "]"
	case reflect.Struct:
		var items []string
		for i := range v.NumField() {
			items = append(items, formatField(v.Field(i)))
		}
		return strings.Join(items, ":")
	}
	return fmt.Sprint(v.Interface())
}

// word spells bytes: as they are where that is clear, else quoted.
func word(b []byte) string {
	plain := len(b) > 0
	for _, c := range b {
		plain = plain && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.')
	}
	if plain {
		return string(b)
	}
	return strconv.Quote(string(b))
}

// Describe spells what a command answered, in the same words for equal answers. Elements that come in no order are
// sorted.
func Describe(o op.Op, r *op.Reply, err error) string {
	if err != nil {
		return fmt.Sprintf("error %s: %v", kindName(hearth.KindOf(err)), err)
	}
	b := strings.Builder{}
	b.WriteString([...]string{"done", "hit", "miss", "refused"}[r.Status])
	if r.Kind != value.None {
		fmt.Fprintf(&b, " kind=%d", r.Kind)
	}
	if r.Int != 0 {
		fmt.Fprintf(&b, " int=%d", r.Int)
	}
	if r.Num != 0 {
		fmt.Fprintf(&b, " num=%v", r.Num)
	}
	if v := r.Value(); v != nil {
		fmt.Fprintf(&b, " value=%s", word(v))
	}
	if r.Len() > 0 {
		fmt.Fprintf(&b, " [%s]", strings.Join(parts(o, r), " "))
	}
	return b.String()
}

func parts(o op.Op, r *op.Reply) []string {
	var out []string
	for i := range r.Len() {
		p := r.Part(i)
		s := word(p.Bytes)
		if _, ok := o.(*op.MetaGet); ok {
			p.Num = float64(toSecond(int64(p.Num)))
		}
		switch {
		case !p.Hit:
			s = "-"
		case o.Spec().Board:
			s = fmt.Sprintf("%s@%v#%d", s, p.Num, p.Rank)
		case p.Num != 0:
			s = fmt.Sprintf("%s@%v", s, p.Num)
		}
		out = append(out, s)
	}
	switch o := o.(type) {
	case *op.Walk:
		if o.Of == value.Dictionary && !o.NoValues {
			out = inPairs(out)
		}
	case *op.DictFetch:
		out = inPairs(out)
	case *op.SetFetch, *op.SetPop, *op.SetSample, *op.SortedFetchAny, *op.SetCombine:
	default:
		return out
	}
	slices.Sort(out)
	return out
}

func inPairs(words []string) (pairs []string) {
	for i := 0; i+1 < len(words); i += 2 {
		pairs = append(pairs, words[i]+":"+words[i+1])
	}
	return pairs
}

func kindName(k hearth.Kind) string {
	switch k {
	case hearth.Invalid:
		return "invalid"
	case hearth.WrongType:
		return "wrongtype"
	case hearth.Precondition:
		return "precondition"
	case hearth.CrossSlot:
		return "crossslot"
	case hearth.Limited:
		return "limited"
	case hearth.Unavailable:
		return "unavailable"
	}
	return fmt.Sprint(int(k))
}
