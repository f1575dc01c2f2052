package httpapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// doc is what the OpenAPI document says of a row.
type doc struct {
	summary string
	query   string // names of parameters, of which those with a ! are required
	header  string // the name of a header of the request
	body    any    // a value of the type that the request's JSON has; raw is any bytes; nil is none
	answer  any    // of the answer's, in the same way
	code    int    // of the answer; 0 is 200, or 204 where there is none
	also    string // another content type that the answer may have
}

// raw stands for bytes of any type.
type raw struct{}

type parameter struct{ kind, text string }

// parameters says what each query parameter is.
var parameters = map[string]parameter{
	"key":              {"string", "the item's key; exactly one of key and key_base64 is given"},
	"key_base64":       {"string", "the item's key in URL-safe base64, with or without padding"},
	"token":            {"string", "the credential, where it is not in the header Authorization"},
	"ttl_seconds":      {"integer", "how long the item lives"},
	"ttl_milliseconds": {"integer", "how long the item lives"},
	"reads":            {"integer", "how often it may be redeemed; any number where it is missing"},
	"limit":            {"integer", "how many to return, 1 to 100"},
	"next_token":       {"string", "next_token of the page before"},
	"type":             {"string", "system or custom; both where it is missing"},
	"from":             {"string", "the first day, as 2006-01-02 in UTC; the last where it is missing"},
	"to":               {"string", "the last day; today where it is missing"},
	"by":               {"string", "what is kept apart beside caches: any of day, credential and verb, with commas"},
	"format":           {"string", "csv, or json"},
	"pattern":          {"string", "which topics, as a pattern with * and ?"},
	"sequence_number":  {"integer", "the next number wanted; 0 is from now on"},
	"sequence_page":    {"integer", "the page of that number"},
	"wait_seconds":     {"integer", "how long a poll waits, 0 to 60"},
	"last_event_id":    {"string", "what the header Last-Event-ID says"},
}

// headers says what each header is that a row names.
var headers = map[string]parameter{
	tagsHeader: {"string", "tags of the item, separated by commas: at most 128, each of 1 to 255 bytes of UTF-8 without spaces and commas"},
}

// object is a JSON object of the document.
type object = map[string]any

// openAPIRoutes is the request for the document itself. It takes no credential: it holds no secret.
func (a *API) openAPIRoutes() []route {
	return []route{{"GET /openapi.json", a.openAPI, doc{summary: "Returns this document", answer: object{}}}}
}

func (a *API) openAPI(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, document(a.routes()))
	return nil
}

// document describes rows as OpenAPI 3.1.
func document(rows []route) object {
	paths := object{}
	for i := range rows {
		method, path, _ := strings.Cut(rows[i].pattern, " ")
		path = strings.ReplaceAll(path, "...}", "}")
		at, ok := paths[path].(object)
		if !ok {
			at = object{}
			if names := pathParameters(path); names != nil {
				at["parameters"] = names
			}
			paths[path] = at
		}
		at[strings.ToLower(method)] = rows[i].doc.operation(method, path)
		if _, bytes := rows[i].doc.answer.(raw); bytes {
			head := rows[i].doc
			head.summary, head.answer, head.also, head.code = "Returns what GET would, without the value", nil, "", http.StatusOK
			at["head"] = head.operation("HEAD", path)
		}
	}
	return object{
		"openapi": "3.1.0",
		"info": object{"title": "hearth", "version": "1",
			"description": "Items, topics and administration of a hearth over plain HTTP. A key or topic at the end of a path may have slashes."},
		"security": []any{object{"header": []any{}}, object{"query": []any{}}},
		"paths":    paths,
		"components": object{
			"schemas": object{"problem": schemaOf(reflect.TypeFor[problem](), answers)},
			"securitySchemes": object{
				"header": object{"type": "apiKey", "in": "header", "name": "Authorization", "description": "the credential as it is, or behind the word Bearer"},
				"query":  object{"type": "apiKey", "in": "query", "name": "token"},
			},
		},
	}
}

func pathParameters(path string) (out []any) {
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, object{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": object{"type": "string"}})
		}
	}
	return out
}

func (d *doc) operation(method, path string) object {
	out := object{"summary": d.summary, "operationId": operationID(method, path), "responses": d.responses()}
	var query []any
	for _, word := range strings.Fields(d.query) {
		name, required := strings.CutSuffix(word, "!")
		p := parameters[name]
		query = append(query, object{"name": name, "in": "query", "required": required, "description": p.text, "schema": object{"type": p.kind}})
	}
	if d.header != "" {
		p := headers[d.header]
		query = append(query, object{"name": d.header, "in": "header", "description": p.text, "schema": object{"type": p.kind}})
	}
	if query != nil {
		out["parameters"] = query
	}
	if _, bytes := d.body.(raw); bytes {
		out["requestBody"] = object{"content": object{"*/*": object{}}}
	} else if d.body != nil {
		out["requestBody"] = object{"required": true, "content": jsonContent(d.body, bodies)}
	}
	return out
}

func (d *doc) responses() object {
	refusal := object{"description": "what was wrong",
		"content": object{"application/json": object{"schema": object{"$ref": "#/components/schemas/problem"}}}}
	success := object{"description": "done"}
	code := d.code
	_, bytes := d.answer.(raw)
	switch {
	case bytes:
		code, success["content"] = http.StatusOK, object{"application/octet-stream": object{}}
	case d.answer != nil:
		success["content"] = jsonContent(d.answer, answers)
	case code == 0:
		code = http.StatusNoContent
	}
	if code == 0 {
		code = http.StatusOK
	}
	if d.also != "" {
		success["content"].(object)[d.also] = object{}
	}
	out := object{strconv.Itoa(code): success, "default": refusal}
	if bytes {
		out["206"] = object{"description": "the ranges asked for", "content": object{"application/octet-stream": object{}, "multipart/byteranges": object{}}}
		out["304"] = object{"description": "the item is the one that the client has"}
	}
	return out
}

func jsonContent(v any, of side) object {
	return object{"application/json": object{"schema": schemaOf(reflect.TypeOf(v), of)}}
}

// operationID makes a name out of a method and a path: getCacheCache.
func operationID(method, path string) string {
	id := strings.ToLower(method)
	for _, word := range strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune("/{}-.", r) }) {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	return id
}
