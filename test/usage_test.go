package test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// used is a line of the books.
type used struct {
	Verb       string `json:"verb"`
	Operations uint64 `json:"operations"`
	In         uint64 `json:"bytes_in"`
	Out        uint64 `json:"bytes_out"`
	Hits       uint64 `json:"hits"`
	Misses     uint64 `json:"misses"`
	Refused    uint64 `json:"refused"`
	Units      uint64 `json:"units"`
}

// books returns what `hearth usage` says of the cache "a", by verb.
func (g *guarded) books() map[string]used {
	g.t.Helper()
	var out struct{ Lines []used }
	text := g.cli("usage", "--by", "verb", "-o", "json")
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		g.t.Fatalf("%v: %s", err, text)
	}
	lines := map[string]used{}
	for _, u := range out.Lines {
		if u.Verb != "" {
			lines[u.Verb] = u
		}
	}
	return lines
}

// TestUsageIsExact holds the books against what a client sent and received, by the documented rule: bytes of keys and
// values, whatever the protocol; one unit for each KiB begun, in and out together. What was handed over survives kill -9;
// what a client did more than a second before it was killed has been.
func TestUsageIsExact(t *testing.T) {
	data := t.TempDir()
	g := startGuarded(t, start, "--data", data)
	reader := g.cli("token", "create", "--cache", "a", "--role", "readonly", "--ttl", "10m", "--bare")
	want := map[string]used{}
	others := func() {
		for _, x := range []struct {
			line string
			used
		}{
			{"HSET h field value", used{Verb: "DictionarySet", In: 11}},
			{"HGET h field", used{Verb: "DictionaryGet", In: 1, Out: 5, Hits: 1}},
			{"RPUSH l one two", used{Verb: "ListPush", In: 7}},
			{"SADD s one", used{Verb: "SetUnion", In: 4}},
			{"MSET m one", used{Verb: "MSET", In: 4}},
			{"SET key-0 v NX", used{Verb: "SetIf", In: 6}},
			{"INCR h", used{Verb: "Increment", In: 1}}, // fails: it is a dictionary
			{"PUBLISH topic message", used{Verb: "Publish", In: 12}},
		} {
			line, u := x.line, x.used
			if got := g.resp(g.root, "a", line); got == "" || strings.HasPrefix(got, "-") != (u.Verb == "Increment") {
				t.Fatalf("%s = %q", line, got)
			}
			u.Operations, u.Units = 1, 1
			add(want, u.Verb, u)
		}
		// Of a batch each command is an operation; one that is refused is none.
		batch := `{"gets":[{"key":"key-1"},{"key":"no"}],"sets":[{"key":"b","value":"bbb","ttl_seconds":9}]}`
		if code := g.http(g.root, "POST", "/cache/a/batch", batch); code != 200 {
			t.Fatalf("batch = %d", code)
		}
		add(want, "Get", used{Operations: 2, In: 7, Out: 1, Hits: 1, Misses: 1, Units: 2})
		add(want, "Set", used{Operations: 1, In: 4, Units: 1})
		if got := g.resp(reader, "a", "SET key-1 w"); !strings.HasPrefix(got, "-NOPERM") {
			t.Fatalf("a reader sets: %q", got)
		}
		add(want, "Set", used{Refused: 1})
	}
	do := func() {
		defer others()
		for i := range 40 {
			key, value := fmt.Sprintf("key-%d", i), strings.Repeat("v", i*100)
			if i%2 == 0 {
				if code := g.http(g.root, "PUT", "/cache/a?ttl_seconds=60&key="+key, value); code != 204 {
					t.Fatalf("PUT = %d", code)
				}
			} else if got := g.resp(g.root, "a", "SET "+key+" v"); got != "+OK\r\n" {
				t.Fatalf("SET = %q", got)
			} else {
				value = "v"
			}
			n := uint64(len(key) + len(value))
			add(want, "Set", used{Operations: 1, In: n, Units: max(1, (n+1023)/1024)})
			if code := g.http(g.root, "GET", "/cache/a?key="+key, ""); code != 200 {
				t.Fatalf("GET = %d", code)
			}
			add(want, "Get", used{Operations: 1, In: uint64(len(key)), Out: uint64(len(value)), Hits: 1, Units: max(1, (n+1023)/1024)})
			if code := g.http(g.root, "GET", "/cache/a?key=no", ""); code != 404 {
				t.Fatalf("GET = %d", code)
			}
			add(want, "Get", used{Operations: 1, In: 2, Misses: 1, Units: 1})
		}
	}
	same := func(when string) {
		t.Helper()
		got := g.books()
		for verb, w := range want {
			if got[verb] != w {
				t.Errorf("%s: %s is %+v, want %+v", when, verb, got[verb], w)
			}
		}
	}
	do()
	same("at once")
	do()
	time.Sleep(2500 * time.Millisecond) // a hand-over, and its saving on a busy machine
	g.kill()
	g.run(t, "--auth", "--data", data)
	same("after kill -9")
	do()
	same("going on")
	g.stop(t)
	g.run(t, "--auth", "--data", data)
	same("after a stop")
}

func add(sums map[string]used, verb string, u used) {
	s := sums[verb]
	s.Verb = verb
	s.Refused += u.Refused
	s.Operations += u.Operations
	s.In += u.In
	s.Out += u.Out
	s.Hits += u.Hits
	s.Misses += u.Misses
	s.Units += u.Units
	sums[verb] = s
}
