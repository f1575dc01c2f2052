package httpapi

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/topics"
)

const (
	eventsWrittenAtOnce = 64
	eventBytesAtOnce    = 64 << 10
	eventWriteTimeout   = 30 * time.Second
	quietBeatsMax       = 15 // after so many heartbeats without a message the reader gets a comment, so that proxies keep the connection
)

// eventWriter says messages as Server-Sent Events. The id of an event is its page and number; a reader that comes back
// with one as Last-Event-ID gets what came after it.
type eventWriter struct {
	w    http.ResponseWriter
	json bool
	buf  []byte
}

// events streams the topic as Server-Sent Events.
func (t *topicServer) events(w http.ResponseWriter, r *http.Request, c *gateway.Caller) error {
	after, err := eventPosition(r)
	if err != nil {
		return err
	}
	form := r.URL.Query().Get("format")
	if form != "" && form != "text" && form != "json" {
		return invalid("format is not text or json")
	}
	f, err := t.follow(c, r.PathValue("topic"), after, true)
	if err != nil {
		return err
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx must not hold events back
	e := &eventWriter{w: w, json: form == "json"}
	// An event without data is not shown to the page, but its id is remembered.
	e.buf = fmt.Appendf(e.buf, "retry: 500\nid: %d-%d\n\n", f.at.Page, f.at.Sequence-1)
	if e.flush() == nil {
		e.run(r, f)
	}
	return nil
}

// run writes events until the subscription or its reader ends.
func (e *eventWriter) run(r *http.Request, f *follower) {
	ms, quiet := make([]topics.Message, eventsWrittenAtOnce), 0
	for {
		n, gap, err := f.Take(ms, eventBytesAtOnce)
		if err != nil {
			e.buf = append(append(append(e.buf, "event: error\ndata: "...), errorJSON(err)...), "\n\n"...)
			_ = e.flush()
			return
		}
		if n == 0 && gap == nil {
			select {
			case <-r.Context().Done():
				return
			case <-f.wake:
			}
			if quiet++; !f.Beat() || quiet < quietBeatsMax {
				continue
			}
			e.buf = append(e.buf, ":\n\n"...)
		}
		quiet = 0
		if gap != nil {
			e.gap(gap)
		}
		for i := range ms[:n] {
			e.message(&ms[i])
		}
		clear(ms[:n])
		if e.flush() != nil {
			return
		}
	}
}

func (e *eventWriter) gap(g *topics.Gap) {
	e.buf = fmt.Appendf(e.buf, "id: %d-%d\nevent: discontinuity\ndata: ", g.Page, g.Next-1)
	e.buf = append(appendJSON(e.buf, discontinuityOf(g)), "\n\n"...)
}

func (e *eventWriter) message(m *topics.Message) {
	b := append(e.buf, "id: "...)
	b = append(strconv.AppendUint(b, m.Page, 10), '-')
	b = append(strconv.AppendUint(b, m.Sequence, 10), '\n')
	switch {
	case e.json:
		b = append(appendJSON(append(b, "data: "...), itemOf(m)), '\n')
	case m.Text:
		b = appendLines(b, m.Bytes)
	default:
		b = append(b, "event: binary\ndata: "...)
		b = append(base64.StdEncoding.AppendEncode(b, m.Bytes), '\n')
	}
	e.buf = append(b, '\n')
}

// appendLines appends text as data lines. The format knows three ends of a line, and the reader sees each as \n.
func appendLines(b, text []byte) []byte {
	for {
		i := bytes.IndexAny(text, "\r\n")
		if i < 0 {
			return append(append(append(b, "data: "...), text...), '\n')
		}
		b = append(append(append(b, "data: "...), text[:i]...), '\n')
		if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		text = text[i+1:]
	}
}

func (e *eventWriter) flush() error {
	rc := http.NewResponseController(e.w)
	_ = rc.SetWriteDeadline(time.Now().Add(eventWriteTimeout)) // where the connection can
	_, err := e.w.Write(e.buf)
	if err == nil {
		err = rc.Flush()
	}
	if e.buf = e.buf[:0]; cap(e.buf) > eventBytesAtOnce {
		e.buf = nil
	}
	return err
}

// eventPosition reads the id of the last event that the reader has seen, from the header that browsers send or from the
// query; or a position like that of a poll.
func eventPosition(r *http.Request) (topics.Position, error) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("last_event_id")
	}
	if last == "" {
		return position(r)
	}
	page, sequence, ok := strings.Cut(last, "-")
	p, err1 := strconv.ParseUint(page, 10, 64)
	n, err2 := strconv.ParseUint(sequence, 10, 63)
	if !ok || err1 != nil || err2 != nil {
		return topics.Position{}, invalid("Last-Event-ID is not the id of an event: PAGE-NUMBER")
	}
	return topics.Position{Sequence: n + 1, Page: p}, nil
}
