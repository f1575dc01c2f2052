package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/hearthcache/hearth"
)

// HTTP makes one request of hearth's HTTP API (docs: /openapi.json of a running server): path starts with a slash. in,
// unless nil, is sent as JSON; the answer is decoded into out, unless that is nil, or copied there if it is an
// io.Writer.
func (c *Client) HTTP(ctx context.Context, method, path string, query url.Values, in, out any) error {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.api+path, body)
	if err != nil {
		return err
	}
	req.URL.RawQuery = query.Encode()
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", c.key)
	}
	resp, err := c.plain.Do(req)
	if err != nil {
		return transportError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return problem(resp)
	}
	switch out := out.(type) {
	case nil:
		return nil
	case io.Writer:
		_, err := io.Copy(out, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// httpKinds translates HTTP statuses back to kinds of errors.
var httpKinds = map[int]hearth.Kind{
	http.StatusBadRequest:          hearth.Invalid,
	http.StatusUnauthorized:        hearth.Unauthenticated,
	http.StatusForbidden:           hearth.Denied,
	http.StatusNotFound:            hearth.NotFound,
	http.StatusConflict:            hearth.Exists,
	http.StatusPreconditionFailed:  hearth.Precondition,
	http.StatusTooManyRequests:     hearth.Limited,
	http.StatusServiceUnavailable:  hearth.Unavailable,
	http.StatusNotImplemented:      hearth.Unimplemented,
	http.StatusInternalServerError: hearth.Internal,
}

func problem(resp *http.Response) error {
	var p struct{ Message string }
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(text, &p) != nil || p.Message == "" {
		p.Message = string(bytes.TrimSpace(text))
	}
	return &hearth.Error{Kind: httpKinds[resp.StatusCode], Msg: p.Message}
}
