package asl

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
)

// at returns what a path of InputPath's kind points to: everything where there is none, {} where it is null.
func at(path *string, data any, c map[string]any) (any, error) {
	switch {
	case path == nil:
		return data, nil
	case *path == "":
		return map[string]any{}, nil
	}
	return lookup(*path, data, c)
}

// lookup follows a reference path: $.a.b[0], or $$.a.b into the context object. An empty one is all of the data.
func lookup(path string, data any, c map[string]any) (any, error) {
	if path == "" {
		return data, nil
	}
	rest, ok := strings.CutPrefix(path, "$$")
	if ok {
		data = c
	} else if rest, ok = strings.CutPrefix(path, "$"); !ok {
		return nil, failf("States.Runtime", "%q is no path", path)
	}
	for rest != "" {
		var step string
		step, rest = cutStep(rest)
		next, ok := follow(data, step)
		if !ok {
			return nil, failf("States.ParameterPathFailure", "the path %s points to nothing", path)
		}
		data = next
	}
	return data, nil
}

// cutStep takes .name, ['name'] or [0] off a path.
func cutStep(path string) (step, rest string) {
	if path[0] == '[' {
		if end := strings.IndexByte(path, ']'); end > 0 {
			return path[:end+1], path[end+1:]
		}
		return path, ""
	}
	end := len(path)
	if i := strings.IndexAny(path[1:], ".["); i >= 0 {
		end = i + 1
	}
	return path[:end], path[end:]
}

func follow(data any, step string) (any, bool) {
	name, isName := strings.CutPrefix(step, ".")
	inner := strings.TrimSuffix(strings.TrimPrefix(step, "["), "]")
	if i, err := strconv.Atoi(inner); err == nil && !isName {
		list, ok := data.([]any)
		if !ok || i < 0 || i >= len(list) {
			return nil, false
		}
		return list[i], true
	}
	if !isName {
		name = strings.Trim(inner, `'"`)
	}
	m, ok := data.(map[string]any)
	if !ok {
		return nil, false
	}
	v, ok := m[name]
	return v, ok
}

// placed returns data with a result at a ResultPath: in its place where there is none, left out where it is null.
func placed(data, result any, path *string) (any, error) {
	switch {
	case path == nil || *path == "$":
		return result, nil
	case *path == "":
		return data, nil
	}
	var steps []string
	for rest := strings.TrimPrefix(*path, "$"); rest != ""; {
		var step string
		step, rest = cutStep(rest)
		steps = append(steps, strings.TrimPrefix(step, "."))
	}
	out, ok := put(data, steps, result)
	if !ok {
		return nil, failf("States.ResultPathMatchFailure", "%s has no place in the state's input", *path)
	}
	return out, nil
}

// put returns a copy of data in which a value stands at the end of the steps.
func put(data any, steps []string, v any) (any, bool) {
	if len(steps) == 0 {
		return v, true
	}
	m, ok := data.(map[string]any)
	if !ok && data != nil {
		return nil, false
	}
	inner, ok := put(m[steps[0]], steps[1:], v)
	if !ok {
		return nil, false
	}
	out := make(map[string]any, len(m)+1)
	for k, old := range m {
		out[k] = old
	}
	out[steps[0]] = inner
	return out, true
}

// fill makes a template's value: members whose names end in ".$" are paths or intrinsic functions.
func fill(template, data any, c map[string]any) (any, error) {
	switch t := template.(type) {
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, v := range t {
			name, dynamic := strings.CutSuffix(k, ".$")
			var err error
			if text, ok := v.(string); dynamic && ok {
				out[name], err = evaluate(text, data, c)
			} else {
				out[k], err = fill(v, data, c)
			}
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(t))
		for i := range t {
			var err error
			if out[i], err = fill(t[i], data, c); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return template, nil
}

// evaluate returns the value of a path, or of a call of an intrinsic function.
func evaluate(text string, data any, c map[string]any) (any, error) {
	if strings.HasPrefix(text, "$") {
		return lookup(text, data, c)
	}
	name, rest, ok := strings.Cut(text, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return nil, failf("States.IntrinsicFailure", "%q is neither a path nor a call", text)
	}
	var args []any
	for _, a := range arguments(strings.TrimSuffix(rest, ")")) {
		v, err := argument(a, data, c)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return call(strings.TrimSpace(name), args)
}

// arguments splits what stands between the parentheses of a call.
func arguments(text string) (args []string) {
	depth, quoted, from := 0, false, 0
	for i := range len(text) {
		switch {
		case text[i] == '\'' && (i == 0 || text[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case text[i] == '(':
			depth++
		case text[i] == ')':
			depth--
		case text[i] == ',' && depth == 0:
			args, from = append(args, text[from:i]), i+1
		}
	}
	if strings.TrimSpace(text[from:]) != "" {
		args = append(args, text[from:])
	}
	return args
}

func argument(text string, data any, c map[string]any) (any, error) {
	text = strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(text, "'"); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "'"), `\'`, "'"), nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n, nil
	}
	return evaluate(text, data, c)
}

// call runs an intrinsic function.
func call(name string, args []any) (any, error) {
	text := func(i int) string {
		if s, ok := args[i].(string); ok {
			return s
		}
		return string(marshal(args[i]))
	}
	switch {
	case name == "States.Format" && len(args) > 0:
		out := text(0)
		for i := 1; i < len(args); i++ {
			out = strings.Replace(out, "{}", text(i), 1)
		}
		return out, nil
	case name == "States.Array":
		return append([]any{}, args...), nil
	case name == "States.JsonToString" && len(args) == 1:
		return string(marshal(args[0])), nil
	case name == "States.StringToJson" && len(args) == 1:
		var v any
		if err := json.Unmarshal([]byte(text(0)), &v); err != nil {
			return nil, failf("States.IntrinsicFailure", "%v", err)
		}
		return v, nil
	case name == "States.Base64Encode" && len(args) == 1:
		return base64.StdEncoding.EncodeToString([]byte(text(0))), nil
	case name == "States.MathAdd" && len(args) == 2:
		a, ok1 := args[0].(float64)
		b, ok2 := args[1].(float64)
		if ok1 && ok2 {
			return a + b, nil
		}
	case name == "States.ArrayLength" && len(args) == 1:
		if list, ok := args[0].([]any); ok {
			return float64(len(list)), nil
		}
	}
	return nil, failf("States.IntrinsicFailure", "%s is not called here like this", name)
}

// UnmarshalJSON implements json.Unmarshaler: it tells a path that is null, which is kept as "", from one that is missing.
func (s *State) UnmarshalJSON(b []byte) error {
	type plain State
	if err := json.Unmarshal(b, (*plain)(s)); err != nil {
		return err
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(b, &members) // it was an object just now
	empty := ""
	for name, path := range map[string]**string{"InputPath": &s.InputPath, "OutputPath": &s.OutputPath, "ResultPath": &s.ResultPath} {
		if string(members[name]) == "null" {
			*path = &empty
		}
	}
	return nil
}
