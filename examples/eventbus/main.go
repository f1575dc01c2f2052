// Command eventbus delivers an event as Amazon EventBridge would by the definitions in this folder: it holds the event
// against the rule's pattern, transforms it for each target, and makes the API destination's request to hearth.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The definitions, as AWS's own command line takes them with --cli-input-json.
type rule struct{ EventPattern string }

type destination struct{ Name, InvocationEndpoint, HTTPMethod string }

type connection struct {
	AuthParameters struct {
		APIKeyAuthParameters struct{ APIKeyName, APIKeyValue string }
	}
}

type targets struct {
	Targets []struct {
		ID, Arn, InputPath string
		InputTransformer   *struct {
			InputPathsMap map[string]string
			InputTemplate string
		}
		HTTPParameters struct {
			PathParameterValues   []string
			QueryStringParameters map[string]string
			HeaderParameters      map[string]string
		}
	}
}

func main() {
	dir := flag.String("dir", ".", "the folder of the definitions")
	endpoint := flag.String("endpoint", "", "hearth's HTTP API in place of the one in the definitions, such as http://127.0.0.1:8080")
	key := flag.String("key", "", "the connection's secret")
	flag.Parse()
	event, err := os.ReadFile(flag.Arg(0))
	if err == nil {
		err = deliver(*dir, *endpoint, *key, event)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load(dir, name string, v any) error {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// deliver sends an event to all targets of the rule, if it matches.
func deliver(dir, endpoint, key string, text []byte) error {
	var r rule
	var c connection
	var all targets
	var event, pattern any
	for name, v := range map[string]any{"rule.json": &r, "connection.json": &c, "targets.json": &all} {
		if err := load(dir, name, v); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(r.EventPattern), &pattern); err != nil {
		return fmt.Errorf("EventPattern: %w", err)
	}
	if !matches(pattern, event, true) {
		fmt.Println("the rule does not match")
		return nil
	}
	for _, t := range all.Targets {
		var d destination
		name := strings.Split(t.Arn, "/")[1]
		if err := load(dir, "destination-"+strings.TrimPrefix(name, "hearth-")+".json", &d); err != nil {
			return err
		}
		body, err := input(t.InputPath, t.InputTransformer, event)
		if err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
		address := d.InvocationEndpoint
		for _, v := range t.HTTPParameters.PathParameterValues {
			address = strings.Replace(address, "*", url.PathEscape(resolve(v, event)), 1)
		}
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		query := u.Query()
		for name, v := range t.HTTPParameters.QueryStringParameters {
			query.Set(name, resolve(v, event))
		}
		u.RawQuery = query.Encode()
		if local, err := url.Parse(endpoint); err == nil && endpoint != "" {
			u.Scheme, u.Host = local.Scheme, local.Host
		}
		headers := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"Amazon/EventBridge/ApiDestinations"}}
		for name, v := range t.HTTPParameters.HeaderParameters {
			headers.Set(name, resolve(v, event))
		}
		if key != "" {
			headers.Set(c.AuthParameters.APIKeyAuthParameters.APIKeyName, key)
		}
		if err := send(d.HTTPMethod, u.String(), headers, body); err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
		fmt.Println("delivered to", t.ID)
	}
	return nil
}

// input is what a target gets of the event.
func input(path string, transformer *struct {
	InputPathsMap map[string]string
	InputTemplate string
}, event any) ([]byte, error) {
	if transformer != nil {
		out := transformer.InputTemplate
		for name, path := range transformer.InputPathsMap {
			v, _ := lookup(path, event)
			text, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			out = strings.ReplaceAll(out, "<"+name+">", string(text))
		}
		return []byte(out), nil
	}
	if path == "" {
		return json.Marshal(event)
	}
	v, ok := lookup(path, event)
	if !ok {
		return nil, fmt.Errorf("InputPath %s points to nothing", path)
	}
	return json.Marshal(v)
}

// resolve returns the value of a parameter: a path into the event, or the text itself.
func resolve(text string, event any) string {
	if !strings.HasPrefix(text, "$.") {
		return text
	}
	v, _ := lookup(text, event)
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func lookup(path string, v any) (any, bool) {
	for _, name := range strings.Split(strings.TrimPrefix(path, "$."), ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// matches holds an event against a pattern: objects by member, and of a list any one must do.
func matches(pattern, v any, present bool) bool {
	switch p := pattern.(type) {
	case map[string]any:
		m, _ := v.(map[string]any)
		for name, inner := range p {
			member, ok := m[name]
			if !matches(inner, member, ok) {
				return false
			}
		}
		return true
	case []any:
		for _, each := range p {
			if one(each, v, present) {
				return true
			}
		}
	}
	return false
}

// one holds a value against one element of a pattern's list: a value, or {"prefix"}, {"exists"}, {"numeric"}, {"anything-but"}.
func one(p, v any, present bool) bool {
	m, ok := p.(map[string]any)
	if !ok {
		return present && p == v
	}
	if want, ok := m["exists"].(bool); ok {
		return want == present
	}
	if prefix, ok := m["prefix"].(string); ok {
		text, isText := v.(string)
		return isText && strings.HasPrefix(text, prefix)
	}
	if list, ok := m["anything-but"].([]any); ok {
		for _, each := range list {
			if each == v {
				return false
			}
		}
		return present
	}
	n, ok := v.(float64)
	tests, _ := m["numeric"].([]any)
	for i := 0; i+1 < len(tests); i += 2 {
		bound, _ := tests[i+1].(float64)
		ok = ok && map[any]bool{">": n > bound, ">=": n >= bound, "<": n < bound, "<=": n <= bound, "=": n == bound}[tests[i]]
	}
	return ok && len(tests) > 0
}

// attempts is how often a request is made that is answered with 429 or 5xx, or not at all.
const attempts = 4

func send(method, address string, headers http.Header, body []byte) error {
	client := &http.Client{Timeout: 5 * time.Second} // as API destinations have it
	var last error
	for i := range attempts {
		time.Sleep(time.Duration(i) * 200 * time.Millisecond)
		r, err := http.NewRequest(method, address, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header = headers
		resp, err := client.Do(r)
		if err != nil {
			last = err
			continue
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode < 300 {
			return nil
		}
		last = fmt.Errorf("%s %s: %s %s", method, address, resp.Status, text)
		if resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
			break
		}
	}
	return last
}
