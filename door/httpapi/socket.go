package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/topics"
)

const (
	socketWriteTimeout = 30 * time.Second
	closeReasonMax     = 123 // bytes, of a frame that closes
)

// socket carries a topic over a WebSocket. To the client go elements as JSON, as in a poll, after one that says where the
// subscription begins; from the client each frame is published, text as text and binary as binary.
func (t *topicServer) socket(w http.ResponseWriter, r *http.Request, c *gateway.Caller) error {
	after, err := position(r)
	if err != nil {
		return err
	}
	f, err := t.follow(c, r.PathValue("topic"), after, true)
	if err != nil {
		return err
	}
	defer f.Close()
	// Any origin may connect: no browser adds a credential by itself, and an open server looks at origins before this.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return nil // it has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(hearth.TopicMessageBytesMax)
	ctx, cancel := context.WithCancel(r.Context())
	errs := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		t.receive(ctx, conn, c, r.PathValue("topic"), errs)
	}()
	closeWith(conn, send(ctx, conn, f, errs))
	cancel()
	<-done
	return nil
}

// receive publishes what the client sends until the connection ends. Errors of single messages go to the sender.
func (t *topicServer) receive(ctx context.Context, conn *websocket.Conn, c *gateway.Caller, topic string, errs chan<- error) {
	for {
		err, ended := t.receiveOne(ctx, conn, c, topic)
		if ended {
			return
		}
		if err == nil {
			continue
		}
		select {
		case errs <- err:
		case <-ctx.Done():
			return
		}
	}
}

// receiveOne publishes one message. A connection whose message finds no memory ends.
func (t *topicServer) receiveOne(ctx context.Context, conn *websocket.Conn, c *gateway.Caller, topic string) (err error, ended bool) {
	kind, r, err := conn.Reader(ctx)
	if err != nil {
		return err, true
	}
	in := &door.Counted{Reader: r, Budget: t.budget}
	defer in.Release()
	body, err := io.ReadAll(in)
	switch {
	case err == door.ErrBudget:
		_ = conn.Close(websocket.StatusTryAgainLater, problemOf(err).Message)
		return err, true
	case err != nil:
		return err, true
	case kind == websocket.MessageText && !utf8.Valid(body):
		return invalid("the text is not UTF-8"), false
	}
	_, err = t.gateway.Publish(ctx, c, topic, topics.Body{Bytes: body, Text: kind == websocket.MessageText})
	return err, false
}

// send writes elements until the subscription or the connection ends, and returns why.
func send(ctx context.Context, conn *websocket.Conn, f *follower, errs <-chan error) error {
	ms, buf, quiet := make([]topics.Message, 16), []byte(nil), 0
	start := map[string]any{"subscribed": map[string]uint64{"next_sequence_number": f.at.Sequence, "next_sequence_page": f.at.Page}}
	if err := writeFrame(ctx, conn, appendJSON(nil, start)); err != nil {
		return err
	}
	for {
		n, gap, err := f.Take(ms, pollBytesMax)
		if err != nil {
			return err
		}
		for _, e := range appendElements(nil, gap, ms[:n]) {
			buf = appendJSON(buf[:0], e)
			if err := writeFrame(ctx, conn, buf); err != nil {
				return err
			}
			quiet = 0
		}
		if n > 0 || gap != nil {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-errs:
			if err := writeFrame(ctx, conn, append(append([]byte(`{"error":`), errorJSON(err)...), '}')); err != nil {
				return err
			}
		case <-f.wake:
			if f.Beat() {
				quiet++
			}
		}
		if quiet >= quietBeatsMax {
			quiet = 0
			if err := ping(ctx, conn); err != nil {
				return err
			}
		}
	}
}

func writeFrame(ctx context.Context, conn *websocket.Conn, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, socketWriteTimeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, b)
}

// ping finds out whether the other side is still there.
func ping(ctx context.Context, conn *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, socketWriteTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

// closeWith closes the connection and tells the client why, as far as it may know.
func closeWith(conn *websocket.Conn, err error) {
	reason := problemOf(err).Message
	if len(reason) > closeReasonMax {
		reason = reason[:closeReasonMax]
	}
	switch hearth.KindOf(err) {
	case hearth.Internal, hearth.Canceled:
		_ = conn.Close(websocket.StatusInternalError, "")
	default:
		_ = conn.Close(websocket.StatusPolicyViolation, reason)
	}
}
