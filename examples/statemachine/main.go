// Command statemachine runs a definition in the Amazon States Language on this machine, with functions that make and
// read a report of any size: with claimcheck.asl.json it passes through states that may carry 256 KB, with
// inline.asl.json it does not.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/hearthcache/hearth/examples/statemachine/asl"
)

func main() {
	endpoint := flag.String("endpoint", "http://127.0.0.1:8080", "hearth's HTTP API")
	key := flag.String("key", os.Getenv("HEARTH_KEY"), "the credential of the connection")
	cache := flag.String("cache", "reports", "the cache that the report passes through")
	size := flag.Int("bytes", 20_000_000, "size of the report")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: statemachine [flags] DEFINITION")
		os.Exit(2)
	}
	input := map[string]any{"hearth": *endpoint, "cache": *cache, "bytes": float64(*size), "parts": parts(*size, 4)}
	out, err := run(context.Background(), flag.Arg(0), *key, input)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	text, _ := json.MarshalIndent(out, "", "  ")
	fmt.Println(string(text))
}

// parts returns the ranges of so many parts.
func parts(size, n int) []any {
	var out []any
	for i := range n {
		out = append(out, fmt.Sprintf("bytes=%d-%d", i*size/n, (i+1)*size/n-1))
	}
	return out
}

func run(ctx context.Context, definition, key string, input any) (any, error) {
	text, err := os.ReadFile(definition)
	if err != nil {
		return nil, err
	}
	m, err := asl.Parse(text)
	if err != nil {
		return nil, err
	}
	runner := asl.Runner{
		Tasks: map[string]asl.Task{
			"arn:aws:states:::lambda:invoke": invoke,
			asl.HTTPInvoke: asl.HTTP(http.DefaultClient, func(_ string, r *http.Request) {
				if key != "" {
					r.Header.Set("Authorization", key)
				}
			}),
		},
		Entered: func(name string) { fmt.Fprintln(os.Stderr, "->", name) },
	}
	return runner.Run(ctx, m, input)
}

// functions do the work that would be Lambda functions': each gets its payload and returns its result.
var functions = map[string]func(ctx context.Context, in map[string]any) (any, error){
	"render":        render,
	"render-inline": renderInline,
	"count":         count,
}

// invoke is the integration with Lambda: FunctionName and Payload in, Payload out.
func invoke(ctx context.Context, in any) (any, error) {
	p, _ := in.(map[string]any)
	name, _ := p["FunctionName"].(string)
	payload, _ := p["Payload"].(map[string]any)
	f := functions[name]
	if f == nil {
		return nil, &asl.Error{Name: "Lambda.ResourceNotFoundException", Cause: "there is no function " + name}
	}
	out, err := f(ctx, payload)
	if err != nil {
		return nil, err
	}
	return map[string]any{"StatusCode": 200.0, "Payload": out}, nil
}

// report is what the functions pass on: lines of text.
func report(size int) io.Reader {
	line := []byte("2026-11-27T04:17:45Z order 4711 shipped to Karlsruhe\n")
	return bytes.NewReader(bytes.Repeat(line, size/len(line)+1)[:size])
}

// render brings the report to where it was permitted to, with nothing but HTTP, and passes its ticket on.
func render(ctx context.Context, in map[string]any) (any, error) {
	size, _ := in["bytes"].(float64)
	url, _ := in["url"].(string)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, report(int(size)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/plain")
	text, err := do(req)
	if err != nil {
		return nil, err
	}
	var claim any
	return claim, json.Unmarshal(text, &claim)
}

// renderInline returns the report itself.
func renderInline(_ context.Context, in map[string]any) (any, error) {
	size, _ := in["bytes"].(float64)
	text, err := io.ReadAll(report(int(size)))
	return string(text), err
}

// count redeems a part of the report and counts its lines.
func count(ctx context.Context, in map[string]any) (any, error) {
	url, _ := in["url"].(string)
	part, _ := in["range"].(string)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Range", part)
	text, err := do(req)
	if err != nil {
		return nil, err
	}
	return map[string]any{"bytes": float64(len(text)), "lines": float64(bytes.Count(text, []byte("\n")))}, nil
}

func do(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = errors.New(resp.Status + ": " + string(text))
	}
	return text, err
}
