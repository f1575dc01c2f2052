package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hearthcache/hearth"
)

// HTTP makes one request of hearth's HTTP API (docs: /openapi.json of a running server): path starts with a slash;
// query, unless empty, replaces what path has behind a question mark. in, unless nil, is sent as JSON; the answer is decoded
// into out, unless that is nil, or copied there if it is an io.Writer.
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
	if len(query) > 0 {
		req.URL.RawQuery = query.Encode()
	}
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
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return transportError(ctx, err)
	}
	return nil
}

// kindsOfHTTP translates HTTP statuses back to kinds of errors; in hearth's own answers and in those of what stands in front of it.
var kindsOfHTTP = map[int]hearth.Error{
	http.StatusBadRequest:                   {Kind: hearth.Invalid},
	http.StatusUnauthorized:                 {Kind: hearth.Unauthenticated},
	http.StatusForbidden:                    {Kind: hearth.Denied},
	http.StatusNotFound:                     {Kind: hearth.NotFound},
	http.StatusMethodNotAllowed:             {Kind: hearth.Unimplemented},
	http.StatusConflict:                     {Kind: hearth.Exists},
	http.StatusPreconditionFailed:           {Kind: hearth.Precondition},
	http.StatusRequestEntityTooLarge:        {Kind: hearth.Limited, Limit: hearth.RequestSize},
	http.StatusRequestedRangeNotSatisfiable: {Kind: hearth.Invalid},
	http.StatusTooManyRequests:              {Kind: hearth.Limited},
	499:                                     {Kind: hearth.Canceled},
	http.StatusNotImplemented:               {Kind: hearth.Unimplemented},
	http.StatusBadGateway:                   {Kind: hearth.Unavailable},
	http.StatusServiceUnavailable:           {Kind: hearth.Unavailable},
	http.StatusGatewayTimeout:               {Kind: hearth.Timeout},
	http.StatusInsufficientStorage:          {Kind: hearth.Limited, Limit: hearth.MemoryLimit},
}

// noCache is how hearth's HTTP API begins to say that a cache does not exist; the status is that of every NotFound.
const noCache = "Cache Not Found: "

func problem(resp *http.Response) error {
	var p struct{ Message string }
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(text, &p) != nil || p.Message == "" {
		p.Message = string(bytes.TrimSpace(text))
	}
	e := kindsOfHTTP[resp.StatusCode]
	switch e.Msg = p.Message; {
	case e.Kind == hearth.NotFound && strings.HasPrefix(e.Msg, noCache):
		e.Kind = hearth.NoCache
	case e.Kind == hearth.Invalid && strings.HasPrefix(e.Msg, wrongType):
		e.Kind = hearth.WrongType
	}
	return &e
}
