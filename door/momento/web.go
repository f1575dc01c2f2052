package momento

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/door/h2"
)

// Web serves gRPC-Web, binary and as text (base64), with the handler that serves gRPC: unary calls and streams, each
// message flushed, over whatever HTTP version carries it. Give it the requests that TakesWeb takes.
func Web(h h2.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowOrigin(w, r)
		switch r.Method {
		case http.MethodOptions:
			w.WriteHeader(http.StatusNoContent)
		case http.MethodPost:
			serveWeb(h, w, r)
		default:
			http.Error(w, "gRPC-Web is spoken with POST", http.StatusMethodNotAllowed)
		}
	})
}

const webType = "application/grpc-web"

// TakesWeb reports whether a request is for Web: a call, or a browser asking whether it may make one.
func TakesWeb(r *http.Request) bool {
	if r.Method != http.MethodOptions {
		return strings.HasPrefix(r.Header.Get("Content-Type"), webType)
	}
	asked := strings.ToLower(r.Header.Get("Access-Control-Request-Headers"))
	return r.Header.Get("Access-Control-Request-Method") == http.MethodPost && strings.Contains(asked, "x-grpc-web")
}

// What a page of another origin may send and read.
const (
	requestHeaders = "content-type, x-grpc-web, x-user-agent, authorization, cache, agent, runtime-version, " +
		"read-concern, grpc-timeout, request-id, return-error, error-rpcs, error-count, delay-rpcs, delay-ms, " +
		"delay-count, stream-error-rpcs, stream-error, stream-error-message-limit"
	responseHeaders = "grpc-status, grpc-message, err"
)

// allowOrigin answers a browser's question. Some clients send requests with credentials, for which a browser wants
// the origin itself and not a star.
func allowOrigin(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", responseHeaders)
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", requestHeaders)
		h.Set("Access-Control-Max-Age", "86400")
	}
}

// webCall writes the frames of one call.
type webCall struct {
	w    http.ResponseWriter
	text bool
	sent bool // something of the body was written
	buf  []byte
}

func serveWeb(h h2.Handler, w http.ResponseWriter, r *http.Request) {
	contentType := r.Header.Get("Content-Type")
	c := &webCall{w: w, text: strings.HasPrefix(contentType, webType+"-text")}
	w.Header().Set("Content-Type", contentType)
	ctx, cancel, err := withTimeout(r.Context(), r.Header.Get("Grpc-Timeout"))
	if err != nil {
		c.finish(statusOf(err))
		return
	}
	defer cancel()
	message, err := readWeb(r.Body, c.text)
	if err != nil {
		c.finish(statusOf(err))
		return
	}
	var conn any
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	x := &Exchange{Path: r.URL.Path, Body: message, From: from.Addr(), Conn: &conn, Output: c.send, Value: func(name string) []byte {
		if v := r.Header.Get(name); v != "" {
			return []byte(v)
		}
		return nil
	}}
	c.finish(x.Run(ctx, h))
}

// The frames of gRPC-Web: one byte of flags, four of length, then the content.
const (
	frameHead    = 5
	flagCompress = 0x01
	flagTrailers = 0x80
)

// readWeb reads the one message of a request.
func readWeb(body io.Reader, text bool) ([]byte, error) {
	bytesMax := int64(hearth.MessageBytesMax + frameHead)
	if text {
		bytesMax = bytesMax/3*4 + 64
	}
	b, err := io.ReadAll(io.LimitReader(body, bytesMax+1))
	switch {
	case err == door.ErrBudget:
		return nil, err
	case err != nil:
		return nil, &hearth.Error{Kind: hearth.Canceled, Msg: "the request broke off", Err: err}
	}
	if int64(len(b)) > bytesMax {
		return nil, &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize, Msg: "the request is larger than the request limit of " + strconv.Itoa(hearth.MessageBytesMax) + " bytes"}
	}
	if text {
		if b, err = decodeText(b); err != nil {
			return nil, err
		}
	}
	if len(b) < frameHead || uint64(binary.BigEndian.Uint32(b[1:])) > uint64(len(b)-frameHead) {
		return nil, invalid("the request is not a whole gRPC-Web frame")
	}
	if b[0]&flagCompress != 0 {
		return nil, &hearth.Error{Kind: hearth.Unimplemented, Msg: "compressed gRPC-Web messages are not accepted"}
	}
	return b[frameHead : frameHead+binary.BigEndian.Uint32(b[1:])], nil
}

// decodeText decodes base64 in place. Clients encode each chunk by itself, so padding may stand between chunks.
func decodeText(b []byte) ([]byte, error) {
	out := 0
	for start := 0; start < len(b); {
		n := len(b) - start
		if pad := strings.IndexByte(string(b[start:]), '='); pad >= 0 {
			n = min(n, (pad/4+1)*4)
		}
		m, err := base64.StdEncoding.Decode(b[out:], b[start:start+n])
		if err != nil {
			return nil, invalid("the request is not base64, which " + webType + "-text is")
		}
		out, start = out+m, start+n
	}
	return b[:out], nil
}

// send writes one message and flushes it.
func (c *webCall) send(message []byte) error {
	c.buf = append(c.buf[:0], 0)
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(message)))
	c.buf = append(c.buf, message...)
	return c.write()
}

// finish writes the trailers: as a frame after messages, as headers where there was no message.
func (c *webCall) finish(s h2.Status) {
	if !c.sent && s.Code != codeOK {
		h := c.w.Header()
		h.Set("Grpc-Status", strconv.Itoa(int(s.Code)))
		h.Set("Grpc-Message", percentEncode(s.Message))
		if s.Err != "" {
			h.Set("Err", s.Err)
		}
		c.w.WriteHeader(http.StatusOK)
		return
	}
	c.buf = append(c.buf[:0], flagTrailers, 0, 0, 0, 0)
	c.buf = append(c.buf, "grpc-status: "...)
	c.buf = strconv.AppendUint(c.buf, uint64(s.Code), 10)
	c.buf = append(c.buf, "\r\ngrpc-message: "...)
	c.buf = append(c.buf, percentEncode(s.Message)...)
	c.buf = append(c.buf, "\r\n"...)
	if s.Err != "" {
		c.buf = append(append(append(c.buf, "err: "...), s.Err...), "\r\n"...)
	}
	binary.BigEndian.PutUint32(c.buf[1:], uint32(len(c.buf)-frameHead))
	_ = c.write() // the client has gone; there is nobody to tell
}

func (c *webCall) write() error {
	b := c.buf
	if c.text {
		b = base64.StdEncoding.AppendEncode(nil, b)
	}
	c.sent = true
	if _, err := c.w.Write(b); err != nil {
		return err
	}
	err := http.NewResponseController(c.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// percentEncode writes a status message as gRPC has it: printable ASCII as it is, everything else as %XX.
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[s[i]>>4], hex[s[i]&15]})
	}
	return b.String()
}

// withTimeout bounds ctx by the header grpc-timeout: at most eight digits and a unit.
func withTimeout(ctx context.Context, header string) (context.Context, context.CancelFunc, error) {
	if header == "" {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	unit, known := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond,
		'u': time.Microsecond, 'n': time.Nanosecond}[header[len(header)-1]]
	n, err := strconv.ParseInt(header[:len(header)-1], 10, 32)
	if err != nil || !known || n < 0 || len(header) > 9 {
		return nil, nil, invalid(`grpc-timeout is not a number of at most eight digits and one of the units "HMSmun"`)
	}
	if n > int64(math.MaxInt64/unit) {
		n = int64(math.MaxInt64 / unit)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(n)*unit)
	return ctx, cancel, nil
}
