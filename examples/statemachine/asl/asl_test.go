package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// runs runs a definition and returns its output as JSON, or the name of the error that it ends with.
func runs(t *testing.T, states, input string, tasks map[string]Task) string {
	t.Helper()
	m, err := Parse([]byte(`{"StartAt":"A","States":{` + states + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	var in any
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		t.Fatal(err)
	}
	out, err := (&Runner{Tasks: tasks}).Run(t.Context(), m, in)
	var named *Error
	if errors.As(err, &named) {
		return named.Name
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(marshal(out))
}

func TestStates(t *testing.T) {
	check := func(want, states, input string) {
		t.Helper()
		if got := runs(t, states, input, nil); got != want {
			t.Errorf("%s of %s = %s; want %s", states, input, got, want)
		}
	}

	check(`{"a":1}`, `"A":{"Type":"Pass","End":true}`, `{"a":1}`)
	check(`{"a":1,"b":2}`, `"A":{"Type":"Pass","Result":2,"ResultPath":"$.b","End":true}`, `{"a":1}`)
	check(`{"a":1}`, `"A":{"Type":"Pass","Result":2,"ResultPath":null,"End":true}`, `{"a":1}`)
	check(`{"m":[1],"n":"x/1"}`, `"A":{"Type":"Pass","Parameters":{"n.$":"States.Format('x/{}', $.a[0])","m.$":"$.a"},"End":true}`, `{"a":[1]}`)
	check(`3`, `"A":{"Type":"Pass","InputPath":"$.x['y'][1]","End":true}`, `{"x":{"y":[2,3]}}`)
	check(`States.ParameterPathFailure`, `"A":{"Type":"Pass","InputPath":"$.none","End":true}`, `{}`)
	check(`Mine`, `"A":{"Type":"Fail","Error":"Mine","Cause":"c"}`, `{}`)

	choice := `"A":{"Type":"Choice","Choices":[
		{"And":[{"Variable":"$.n","NumericGreaterThan":1},{"Not":{"Variable":"$.n","NumericEquals":3}}],"Next":"B"},
		{"Variable":"$.s","IsPresent":true,"Next":"C"}]%s},
		"B":{"Type":"Pass","Result":"b","End":true},"C":{"Type":"Pass","Result":"c","End":true}`
	check(`"b"`, fmt.Sprintf(choice, ""), `{"n":2}`)
	check(`"c"`, fmt.Sprintf(choice, ""), `{"n":3,"s":0}`)
	check(`States.NoChoiceMatched`, fmt.Sprintf(choice, ""), `{"n":3}`)
	check(`"c"`, fmt.Sprintf(choice, `,"Default":"C"`), `{"n":3}`)

	check(`[{"i":0,"v":"a"},{"i":1,"v":"b"}]`, `"A":{"Type":"Map","ItemsPath":"$.l","ItemSelector":{"v.$":"$$.Map.Item.Value","i.$":"$$.Map.Item.Index"},
		"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}`, `{"l":["a","b"]}`)
	check(`["x",{"a":1}]`, `"A":{"Type":"Parallel","Branches":[{"StartAt":"P","States":{"P":{"Type":"Pass","Result":"x","End":true}}},
		{"StartAt":"Q","States":{"Q":{"Type":"Succeed"}}}],"End":true}`, `{"a":1}`)
	check(`Inner`, `"A":{"Type":"Parallel","Branches":[{"StartAt":"P","States":{"P":{"Type":"Fail","Error":"Inner"}}}],"End":true}`, `{}`)
	check(`{"Cause":"c","Error":"Inner"}`, `"A":{"Type":"Parallel","Branches":[{"StartAt":"P","States":{"P":{"Type":"Fail","Error":"Inner","Cause":"c"}}}],
		"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"End":true},"B":{"Type":"Pass","End":true}`, `{}`)
}

func TestLimit(t *testing.T) {
	size := func(n int) map[string]Task {
		return map[string]Task{"f": func(context.Context, any) (any, error) { return strings.Repeat("x", n-2), nil }}
	}
	state := `"A":{"Type":"Task","Resource":"f","Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"End":true},"B":{"Type":"Pass","Result":"caught","End":true}`
	if got := runs(t, state, `{}`, size(PayloadBytesMax)); len(got) != PayloadBytesMax {
		t.Errorf("as much as there may be: %.100s", got)
	}
	if got := runs(t, state, `{}`, size(PayloadBytesMax+1)); got != "States.DataLimitExceeded" {
		t.Errorf("one byte more: %.100s", got)
	}
	if got := runs(t, strings.Replace(state, "States.ALL", "States.DataLimitExceeded", 1), `{}`, size(PayloadBytesMax+1)); got != `"caught"` {
		t.Errorf("caught by its name: %.100s", got)
	}
}

func TestRetry(t *testing.T) {
	for fails, want := range map[int32]string{2: `"done"`, 3: "Again"} {
		var calls atomic.Int32
		got := runs(t, `"A":{"Type":"Task","Resource":"f","Retry":[{"ErrorEquals":["Again"],"IntervalSeconds":0,"MaxAttempts":2}],"End":true}`, `{}`,
			map[string]Task{"f": func(context.Context, any) (any, error) {
				if calls.Add(1) <= fails {
					return nil, &Error{Name: "Again"}
				}
				return "done", nil
			}})
		if got != want || calls.Load() != 3 {
			t.Errorf("after %d failures: %s, %d calls", fails, got, calls.Load())
		}
	}
	if got := runs(t, `"A":{"Type":"Task","Resource":"f","TimeoutSeconds":0.01,"End":true}`, `{}`, map[string]Task{"f": func(ctx context.Context, _ any) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}); got != "States.Timeout" {
		t.Errorf("a task that hangs: %s", got)
	}
}

func TestHTTP(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/echo":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"method":%q,"q":%q,"key":%q,"type":%q}`, r.Method, r.URL.Query().Get("q"), r.Header.Get("Authorization"), r.Header.Get("Content-Type"))
		case "/large":
			_, _ = w.Write(make([]byte, PayloadBytesMax+1))
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	tasks := map[string]Task{HTTPInvoke: HTTP(s.Client(), func(arn string, r *http.Request) { r.Header.Set("Authorization", arn) })}
	check := func(path, want string) {
		t.Helper()
		state := `"A":{"Type":"Task","Resource":"` + HTTPInvoke + `","Parameters":{"ApiEndpoint":"` + s.URL + path + `","Method":"POST","QueryParameters":{"q":1},
			"RequestBody":{"a":1},"Authentication":{"ConnectionArn":"arn"}},"OutputPath":"$.ResponseBody","End":true}`
		if got := runs(t, state, `{}`, tasks); got != want {
			t.Errorf("%s = %.200s; want %s", path, got, want)
		}
	}

	check("/echo", `{"key":"arn","method":"POST","q":"1","type":"application/json"}`)
	check("/none", "States.Http.StatusCode.404")
	check("/large", "States.DataLimitExceeded")
}
