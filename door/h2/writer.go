package h2

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// writer is the http.ResponseWriter of an exchange. It belongs to the handler's goroutine.
type writer struct {
	x       *exchange
	header  http.Header // the handler's, which may still change for trailers
	final   http.Header // what it was when the status was written
	status  int         // 0 before
	sent    bool
	buf     []byte
	written int64
	length  int64 // announced; -1 if it was not
}

var _ http.Flusher = (*writer)(nil)

// bufferBytes is what a writer gathers before the loop hears of it.
const bufferBytes = 4 << 10

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic("invalid status code " + strconv.Itoa(status))
	case w.status != 0:
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.inform(status)
	default:
		w.status = status
		w.final = w.header.Clone()
		w.length = -1
		if n, err := strconv.ParseInt(w.final.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
			w.length = n
		} else {
			w.final.Del("Content-Length")
		}
	}
}

// inform sends an informational answer.
func (w *writer) inform(status int) {
	block := appendStatus(nil, status)
	block = appendAll(block, w.header)
	x := w.x
	x.mu.Lock()
	x.infos = append(x.infos, block)
	if status == http.StatusContinue {
		x.expect = false
	}
	x.mu.Unlock()
	x.st.Wake()
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) { return write(w, p) }

// WriteString implements io.StringWriter.
func (w *writer) WriteString(s string) (int, error) { return write(w, s) }

func write[T string | []byte](w *writer, p T) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case !bodyAllowed(w.status):
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	if w.x.request.Method == http.MethodHead {
		return len(p), nil
	}
	n := len(p)
	if len(w.buf)+n <= bufferBytes {
		w.buf = append(w.buf, p...)
		return n, nil
	}
	for len(p) > 0 {
		m := min(len(p), BodyRoomBytes)
		w.buf = append(w.buf, p[:m]...)
		if err := w.flush(false); err != nil {
			return n - len(p), err
		}
		p = p[m:]
	}
	return n, nil
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// Flush implements http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.flush(false)
}

// flush gives what was gathered to the loop, and waits while it has enough.
func (w *writer) flush(last bool) error {
	x := w.x
	header := w.headerBlock(last)
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.pending) >= x.room() && !x.gone {
		x.moved.Wait()
	}
	if x.gone {
		return errGone
	}
	if header != nil {
		x.header = header
	}
	x.pending = append(x.pending, w.buf...)
	x.conn.server.answers.Add(len(w.buf))
	if w.buf = w.buf[:0]; cap(w.buf) > bufferBytes {
		w.buf = nil
	}
	x.st.Wake()
	return nil
}

// headerBlock returns the header the first time, with what net/http adds of its own.
func (w *writer) headerBlock(last bool) []byte {
	if w.sent {
		return nil
	}
	w.sent = true
	h := w.final
	switch {
	case last && w.length < 0 && bodyAllowed(w.status) && (w.written > 0 || w.x.request.Method != http.MethodHead):
		h.Set("Content-Length", strconv.FormatInt(w.written, 10))
	case !bodyAllowed(w.status):
		h.Del("Content-Length")
	}
	if _, ok := h["Content-Type"]; !ok && bodyAllowed(w.status) && len(w.buf) > 0 && h.Get("Content-Encoding") == "" {
		h.Set("Content-Type", http.DetectContentType(w.buf))
	}
	if _, ok := h["Date"]; !ok {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return appendAll(appendStatus(nil, w.status), h)
}

// finish ends the answer when the handler has returned. It reports whether the answer is whole: the peer must not take
// less than was announced for it.
func (w *writer) finish() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	trailers := w.trailers()
	x := w.x
	x.mu.Lock()
	x.trailed = trailers
	x.mu.Unlock()
	err := w.flush(trailers == nil)
	return err != nil || w.length <= w.written || w.x.request.Method == http.MethodHead
}

// trailers returns the block of trailers: the fields announced in Trailer, and those with http.TrailerPrefix.
func (w *writer) trailers() (block []byte) {
	for _, names := range w.final["Trailer"] {
		for name := range strings.SplitSeq(names, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			block = appendValues(block, name, w.header[name])
		}
	}
	for name, values := range w.header {
		if plain, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			block = appendValues(block, plain, values)
		}
	}
	return block
}

func appendStatus(b []byte, status int) []byte {
	if status == http.StatusOK {
		return append(b, 0x88)
	}
	return appendField(b, ":status", strconv.Itoa(status))
}

// appendAll appends a header but for what only HTTP/1.1 has, and trailers.
func appendAll(b []byte, h http.Header) []byte {
	for name, values := range h {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade":
			continue
		}
		if !strings.HasPrefix(name, http.TrailerPrefix) {
			b = appendValues(b, name, values)
		}
	}
	return b
}

func appendValues(b []byte, name string, values []string) []byte {
	name = strings.ToLower(name)
	if !validName([]byte(name)) {
		return b
	}
	for _, v := range values {
		b = appendField(b, name, strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(v))
	}
	return b
}
