package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
)

// A call is gRPC over HTTP/2 as net/http speaks it: one length-prefixed message each way, the status in the trailers.
// The few messages are written by hand (wire.go), so that a program which links this package pays nothing for a gRPC
// runtime and its registries when it starts.

const framePrefix = 5 // a compression flag and a big-endian length

// call makes one unary call of base's host; cache is the value of the header that names it, empty for none.
func (c *Client) call(ctx context.Context, base, method, cache string, message []byte) ([]byte, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	for n := 0; ; n++ {
		out, err := c.once(ctx, base, method, cache, message)
		if err == nil || n >= len(retryAfter) || hearth.KindOf(err) != hearth.Unavailable || !repeatable(method) || !pause(ctx, retryAfter[n]) {
			return out, err
		}
	}
}

// retryAfter is how long after a failure of the connection or the server a call that may be repeated is repeated, give
// or take a half.
var retryAfter = [...]time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond}

// pause waits, and reports whether ctx is not over.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// repeatable reports whether a call comes to the same when it is made twice: where the connection breaks nobody knows
// whether the server has heard it.
func repeatable(method string) bool {
	switch method[strings.LastIndexByte(method, '/')+1:] {
	case "Get", "Set", "Delete", "GetWithHash", "KeysExist", "ItemGetTtl", "ItemGetType", "Ping", "ListCaches", "Fetch",
		"DictionaryGet", "DictionaryFetch", "DictionarySet", "DictionaryDelete", "DictionaryLength",
		"SetFetch", "SetSample", "SetUnion", "SetDifference", "SetContains", "SetLength", "ListFetch", "ListLength",
		"SortedSetPut", "SortedSetFetch", "SortedSetGetScore", "SortedSetRemove", "SortedSetGetRank", "SortedSetLength", "SortedSetLengthByScore",
		"UpsertElements", "RemoveElements", "GetByRank", "GetRank", "GetByScore", "GetCompetitionRank", "GetLeaderboardLength":
		return true
	}
	return false
}

// once makes a call once.
func (c *Client) once(ctx context.Context, base, method, cache string, message []byte) ([]byte, error) {
	resp, err := c.open(ctx, base, method, cache, message)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out, err := readMessage(resp.Body)
	if err != nil && err != io.EOF {
		return nil, transportError(ctx, err)
	}
	if err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1)) // the trailers come after the body's end
	}
	return out, statusOf(resp)
}

// stream calls each with every message of a call that answers with several.
func (c *Client) stream(ctx context.Context, base, method, cache string, message []byte, each func([]byte) error) error {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	resp, err := c.open(ctx, base, method, cache, message)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for {
		m, err := readMessage(resp.Body)
		if err == io.EOF {
			return statusOf(resp)
		}
		if err != nil {
			return transportError(ctx, err)
		}
		if err := each(m); err != nil {
			return err
		}
	}
}

// open sends a request and returns the response, whose headers have come.
func (c *Client) open(ctx context.Context, base, method, cache string, message []byte) (*http.Response, error) {
	frame := make([]byte, framePrefix, framePrefix+len(message))
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message)))
	frame = append(frame, message...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+method, bytes.NewReader(frame))
	if err != nil {
		return nil, err
	}
	h := req.Header
	h["Content-Type"] = []string{"application/grpc"}
	h["Te"] = []string{"trailers"}
	h["Authorization"] = []string{c.key}
	h["User-Agent"] = []string{"hearth-go"}
	if cache != "" {
		h["Cache"] = []string{cache}
	}
	if d, ok := ctx.Deadline(); ok {
		h["Grpc-Timeout"] = []string{strconv.FormatInt(max(1, time.Until(d).Milliseconds()), 10) + "m"}
	}
	resp, err := c.calls.Do(req)
	if err != nil {
		return nil, transportError(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, &hearth.Error{Kind: hearth.Unavailable, Msg: "the server answered " + resp.Status + ": it does not speak gRPC at this address"}
	}
	return resp, nil
}

func (c *Client) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.timeout)
}

// readMessage reads one length-prefixed message; io.EOF where there is none.
func readMessage(r io.Reader) ([]byte, error) {
	var prefix [framePrefix]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	if prefix[0] != 0 || size > messageBytesMax {
		return nil, &hearth.Error{Kind: hearth.Internal, Msg: "the server sent a message that is compressed or too large"}
	}
	message := make([]byte, size)
	if _, err := io.ReadFull(r, message); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return message, nil
}

// statusOf returns the call's status: in the trailers, or in the headers of a response that has nothing else.
func statusOf(resp *http.Response) error {
	fields := resp.Trailer
	if fields.Get("Grpc-Status") == "" {
		fields = resp.Header
	}
	code, err := strconv.Atoi(fields.Get("Grpc-Status"))
	switch {
	case err != nil:
		return &hearth.Error{Kind: hearth.Unavailable, Msg: "the server ended the call without a status"}
	case code == 0:
		return nil
	}
	text := fields.Get("Grpc-Message")
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	e := &hearth.Error{Kind: kindOf(code), Limit: limits[fields.Get("Err")], Msg: text}
	if e.Kind == hearth.Precondition && strings.HasPrefix(text, wrongType) {
		e.Kind = hearth.WrongType
	}
	return e
}

// transportError gives a failure of the connection its kind.
func transportError(ctx context.Context, err error) error {
	switch ctx.Err() {
	case context.DeadlineExceeded:
		return &hearth.Error{Kind: hearth.Timeout, Msg: "the server did not answer in time", Err: err}
	case context.Canceled:
		return &hearth.Error{Kind: hearth.Canceled, Msg: "the call was cancelled", Err: err}
	}
	return &hearth.Error{Kind: hearth.Unavailable, Msg: "the server does not answer", Err: err}
}
