package httpapi

import (
	"encoding/json"
	"reflect"
	"strings"
)

// side says whose JSON a schema is about: what must be there differs.
type side uint8

const (
	bodies  side = iota // of requests: members with the tag required
	answers             // of ours: members that are never left out
)

// schemaOf describes how encoding/json writes a type, as JSON Schema.
func schemaOf(t reflect.Type, of side) object {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return object{}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return object{"type": "string", "contentEncoding": "base64"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), of)
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), of)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), of)}
	case reflect.Interface:
		return object{}
	case reflect.Struct:
		return structSchema(t, of)
	}
	return object{"type": "integer"}
}

func structSchema(t reflect.Type, of side) object {
	properties, required := object{}, []any{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, tagged := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && !tagged && f.Anonymous || !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		properties[name] = schemaOf(f.Type, of)
		if of == answers && !strings.HasPrefix(options, "omit") || of == bodies && f.Tag.Get("required") != "" {
			required = append(required, name)
		}
	}
	out := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	if of == bodies {
		out["additionalProperties"] = false
	}
	return out
}
