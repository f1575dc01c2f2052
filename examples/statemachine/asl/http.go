package asl

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// HTTPInvoke is the resource of a Task that makes an HTTP request.
const HTTPInvoke = "arn:aws:states:::http:invoke"

// HTTP returns the Task behind HTTPInvoke. authorize adds the credential of a connection, by its ARN, to a request.
func HTTP(client *http.Client, authorize func(connection string, r *http.Request)) Task {
	return func(ctx context.Context, in any) (any, error) {
		r, err := request(ctx, in, authorize)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(r)
		if err != nil {
			return nil, failf("States.Http.Socket", "%v", err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, PayloadBytesMax+1))
		if err != nil {
			return nil, failf("States.Http.Socket", "%v", err)
		}
		if len(text) > PayloadBytesMax {
			return nil, failf("States.DataLimitExceeded", "the response of %s has more than %d bytes", r.URL.Host, PayloadBytesMax)
		}
		if resp.StatusCode < 200 || resp.StatusCode > 299 {
			return nil, failf(fmt.Sprintf("States.Http.StatusCode.%d", resp.StatusCode), "%s", text)
		}
		return answer(resp, text), nil
	}
}

func request(ctx context.Context, in any, authorize func(string, *http.Request)) (*http.Request, error) {
	p, _ := in.(map[string]any)
	endpoint, _ := p["ApiEndpoint"].(string)
	method, _ := p["Method"].(string)
	address, err := url.Parse(endpoint)
	if err != nil || address.Host == "" || method == "" {
		return nil, failf("States.Runtime", "ApiEndpoint and Method are required")
	}
	query := address.Query()
	for name, v := range object(p["QueryParameters"]) {
		query.Set(name, plain(v))
	}
	address.RawQuery = query.Encode()
	var body io.Reader
	if b := p["RequestBody"]; b != nil {
		body = bytes.NewReader(marshal(b))
	}
	r, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return nil, failf("States.Runtime", "%v", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, v := range object(p["Headers"]) {
		r.Header.Set(name, plain(v))
	}
	connection := object(p["Authentication"])["ConnectionArn"]
	if connection == nil {
		connection = object(p["InvocationConfig"])["ConnectionArn"]
	}
	if arn, ok := connection.(string); ok && authorize != nil {
		authorize(arn, r)
	}
	return r, nil
}

// answer is what the state gets of a response.
func answer(resp *http.Response, text []byte) any {
	var body any = string(text)
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		var v any
		if json.Unmarshal(text, &v) == nil {
			body = v
		}
	}
	headers := map[string]any{}
	for name, values := range resp.Header {
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		headers[strings.ToLower(name)] = list
	}
	return map[string]any{"StatusCode": float64(resp.StatusCode), "StatusText": http.StatusText(resp.StatusCode), "Headers": headers, "ResponseBody": body}
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func plain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(marshal(v))
}
