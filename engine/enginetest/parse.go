package enginetest

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/hearthcache/hearth/op"
)

// Parse reads a command as Format spells it.
func Parse(line string) (op.Op, error) {
	s := &scanner{in: line}
	name := s.until(" ")
	var v reflect.Value
	for _, o := range Commands() {
		if t := reflect.TypeOf(o).Elem(); t.Name() == name {
			v = reflect.New(t)
		}
	}
	if !v.IsValid() {
		return nil, fmt.Errorf("no command is called %q", name)
	}
	for s.skip(" "); s.in != ""; s.skip(" ") {
		field := s.until("= ")
		f := v.Elem().FieldByName(field)
		if !f.IsValid() {
			return nil, fmt.Errorf("%s has no field %q", name, field)
		}
		if f.Kind() == reflect.Bool && !strings.HasPrefix(s.in, "=") {
			f.SetBool(true)
			continue
		}
		s.skip("=")
		if err := s.read(f); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, field, err)
		}
	}
	return v.Interface().(op.Op), nil
}

type scanner struct{ in string }

// until takes what stands before any of the bytes in stop.
func (s *scanner) until(stop string) string {
	i := strings.IndexAny(s.in, stop)
	if i < 0 {
		i = len(s.in)
	}
	out := s.in[:i]
	s.in = s.in[i:]
	return out
}

func (s *scanner) skip(prefix string) bool {
	rest, ok := strings.CutPrefix(s.in, prefix)
	s.in = rest
	return ok
}

// word takes bytes: plain or quoted.
func (s *scanner) word() (string, error) {
	if !strings.HasPrefix(s.in, `"`) {
		return s.until(": ]"), nil
	}
	quoted, err := strconv.QuotedPrefix(s.in)
	if err != nil {
		return "", err
	}
	s.in = s.in[len(quoted):]
	return strconv.Unquote(quoted)
}

func (s *scanner) read(f reflect.Value) error {
	if f.Type() == reflect.TypeFor[[]byte]() {
		w, err := s.word()
		f.SetBytes([]byte(w))
		return err
	}
	switch f.Kind() {
	case reflect.Pointer:
		f.Set(reflect.New(f.Type().Elem()))
		return s.read(f.Elem())
	case reflect.Slice:
		return s.list(f)
	case reflect.Struct:
		for i := range f.NumField() {
			if i > 0 && !s.skip(":") {
				return nil
			}
			if err := s.read(f.Field(i)); err != nil {
				return err
			}
		}
		return nil
	}
	w, err := s.word()
	if err != nil {
		return err
	}
	switch f.Kind() {
	case reflect.Bool:
		b, err := strconv.ParseBool(w)
		f.SetBool(b)
		return err
	case reflect.Int64:
		n, err := strconv.ParseInt(w, 10, 64)
		f.SetInt(n)
		return err
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(w, 10, f.Type().Bits())
		f.SetUint(n)
		return err
	case reflect.Float64:
		n, err := strconv.ParseFloat(w, 64)
		f.SetFloat(n)
		return err
	}
	return fmt.Errorf("a field of type %s cannot be said", f.Type())
}

func (s *scanner) list(f reflect.Value) error {
	if !s.skip("[") {
		return fmt.Errorf("a list begins with [")
	}
	for s.skip(" "); !s.skip("]"); s.skip(" ") {
		if s.in == "" {
			return fmt.Errorf("a list ends with ]")
		}
		item := reflect.New(f.Type().Elem()).Elem()
		if err := s.read(item); err != nil {
			return err
		}
		f.Set(reflect.Append(f, item))
	}
	return nil
}
