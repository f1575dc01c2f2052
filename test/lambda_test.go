package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Functions in Go and in Node.js, each in three execution environments that start cold at once, on AWS's runtime
// clients: the origin is asked once.
func TestExampleLambda(t *testing.T) {
	s := start(t)
	hearthOK(t, s, "cache", "create", "products")
	hearthOK(t, s, "cache", "set", "products", "collapse=on")
	var loads atomic.Int32
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		loads.Add(1)
		time.Sleep(100 * time.Millisecond) // the origin takes its time
		fmt.Fprint(w, "product ", r.URL.Path)
	}))
	defer origin.Close()
	_, port, _ := net.SplitHostPort(s.Listen)
	t.Setenv("ORIGIN", origin.URL)
	t.Setenv("HEARTH_RESP", s.RESP)
	t.Setenv("HEARTH_PORT", port)
	t.Setenv("MOMENTO_API_KEY", "")
	runtime := example(t, "lambda/runtimeapi")
	function := example(t, "lambda/go")
	invoke := func(dir, id string, command ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, runtime, append([]string{"-environments", "3"}, command...)...)
		cmd.Dir = filepath.Join("../examples/lambda", dir)
		cmd.Stdin = strings.NewReader(strings.Repeat(`{"id":"`+id+`"}`+"\n", 9))
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s%s", err, out, errs.String())
		}
		before := loads.Load()
		sources, environments := map[string]int{}, map[string]bool{}
		for line := range strings.Lines(string(out)) {
			var o struct {
				Response struct{ Source, Product, Environment string }
				Error    json.RawMessage
			}
			if err := json.Unmarshal([]byte(line), &o); err != nil || o.Error != nil || o.Response.Product != "product /"+id {
				t.Errorf("%s: %v\n%s", line, err, errs.String())
			}
			sources[o.Response.Source]++
			environments[o.Response.Environment] = true
		}
		if sources["origin"] != 1 || len(environments) < 2 || before != loads.Load() {
			t.Errorf("%s: answers of %v in %v\n%s", dir, sources, environments, errs.String())
		}
	}
	invoke("go", "from-go", function)
	invoke("node", "from-node", "node_modules/.bin/aws-lambda-ric", "index.handler")
	if n := loads.Load(); n != 2 {
		t.Errorf("%d loads of two products", n)
	}
}
