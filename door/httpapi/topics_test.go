package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/test/await"
)

// site is a server of topics over real HTTP, with the cache "c".
type site struct {
	*httptest.Server
	t        *testing.T
	gateways []*gateway.Gateway
	admins   []*gateway.Caller // one at each
}

func newSite(t *testing.T) *site {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		goleak.VerifyNone(t, leaks, // valkey-go's look at the cluster once more, and then end
			goleak.IgnoreAnyFunction("github.com/valkey-io/valkey-go.(*clusterClient)._refresh.func2"),
			goleak.IgnoreAnyFunction("github.com/valkey-io/valkey-go.(*call).DelayDo.func1"))
	})
	gs := gateways(t, gateway.Options{Open: true})
	s := &site{t: t, gateways: gs}
	for i, g := range gs {
		admin, err := g.SignIn(gateway.Credential{}, "c")
		if err == nil && i == 0 {
			err = g.Change(context.Background(), admin, control.CreateCache{Name: "c"})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.admins = append(s.admins, admin)
	}
	untilEvery(t, gs, "the cache is known", func(g *gateway.Gateway) bool { return g.View().Caches["c"] != nil })
	s.Server = httptest.NewServer(byTurns(gs, func(g *gateway.Gateway) http.Handler { return newTopics(g, &door.Budget{}, &door.Budget{}) }))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// change changes the control state through the first gateway.
func (s *site) change(c control.Change) error {
	return s.gateways[0].Change(context.Background(), s.admins[0], c)
}

// subscribers returns how many the topic has, at all gateways.
func (s *site) subscribers() (n int, err error) {
	for i, g := range s.gateways {
		info, e := g.Topic(s.admins[i], "t")
		if e != nil {
			err = e
		}
		n += info.Subscribers
	}
	return n, err
}

// do makes a request and returns its status and body.
func (s *site) do(method, path, contentType, body string, headers ...string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func (s *site) publish(text string) {
	s.t.Helper()
	if code, body := s.do("POST", "/topics/c/t", "text/plain", text); code != http.StatusNoContent || body != "" {
		s.t.Fatalf("publish: %d %s", code, body)
	}
}

func TestPublishErrors(t *testing.T) {
	s := newSite(t)
	check := func(path, contentType, body string, want int) {
		t.Helper()
		if code, got := s.do("POST", path, contentType, body); code != want {
			t.Errorf("POST %s (%s, %d bytes) = %d %.200s, want %d", path, contentType, len(body), code, got, want)
		}
	}
	check("/topics/c/t", "text/plain", "x", 204)
	check("/topics/c/t", "application/x-www-form-urlencoded", "x", 204)
	check("/topics/c/t", "application/octet-stream", "\xff", 204)
	check("/topics/c/t", "text/plain", "\xff", 400)
	check("/topics/c/t", "text/plain", "", 204)
	check("/topics/c/t", "application/octet-stream", strings.Repeat("x", hearth.TopicMessageBytesMax+1), 429)
	check("/topics/nowhere/t", "text/plain", "x", 404)
	check("/topics/c/", "text/plain", "x", 400)
	check("/topics/c/%20", "text/plain", "x", 400)
	check("/topics/c/a%2Fb%20c", "text/plain", "x", 204)
	check("/topics/c/$hearth/changes", "text/plain", "x", 400)
	if code, body := s.do("POST", "/topics/c/t?token=a", "text/plain", "x", "Authorization", "b"); code != 400 || !strings.Contains(body, "twice") {
		t.Errorf("a token in both places: %d %s", code, body)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	engine := local.New(local.Options{})
	defer engine.Close()
	h := newTopics(gateway.New(gateway.Options{Engine: engine, Plane: plane}), &door.Budget{}, &door.Budget{})
	for _, method := range []string{"GET", "POST"} {
		for _, token := range []string{"", "nonsense"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "/topics/c/t?token="+token, nil))
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s with token %q: %d %s", method, token, w.Code, w.Body)
			}
		}
	}
}

// whenSubscribed does something as soon as somebody subscribes to the topic.
func (s *site) whenSubscribed(do func()) {
	go func() {
		for n, err := s.subscribers(); err == nil && n == 0; n, err = s.subscribers() {
			time.Sleep(time.Millisecond)
		}
		do()
	}()
}

type polled struct {
	Items []element
	Next  uint64 `json:"next_sequence_number"`
	Page  uint64 `json:"next_sequence_page"`
}

func (s *site) poll(query string) (p polled) {
	s.t.Helper()
	code, body := s.do("GET", "/topics/c/t?"+query, "", "")
	if err := json.Unmarshal([]byte(body), &p); code != 200 || err != nil {
		s.t.Fatalf("poll: %d %s", code, body)
	}
	return p
}

func TestLongPoll(t *testing.T) {
	s := newSite(t)
	first := s.poll("wait_seconds=0")
	if len(first.Items) != 0 || first.Next != 1 || first.Page == 0 {
		t.Fatalf("a poll on a new topic: %+v", first)
	}
	s.publish("one")
	s.do("POST", "/topics/c/t", "application/octet-stream", "\x00\xff")
	got := s.poll(fmt.Sprintf("sequence_number=%d&sequence_page=%d", first.Next, first.Page))
	if len(got.Items) != 2 || *got.Items[0].Item.Value.Text != "one" || string(*got.Items[1].Item.Value.Binary) != "\x00\xff" ||
		got.Items[1].Item.Sequence != 2 || got.Items[0].Item.Page != first.Page || got.Next != 3 {
		t.Fatalf("after two messages: %+v", got)
	}
	s.whenSubscribed(func() { s.publish("late") })
	got = s.poll(fmt.Sprintf("sequence_number=3&sequence_page=%d&wait_seconds=60", first.Page))
	if len(got.Items) != 1 || *got.Items[0].Item.Value.Text != "late" {
		t.Errorf("a poll that waits: %+v", got)
	}
	got = s.poll(fmt.Sprintf("sequence_number=9&sequence_page=%d", first.Page-1))
	if len(got.Items) != 4 || *got.Items[0].Discontinuity != (discontinuity{8, 1, first.Page}) || got.Items[1].Item.Sequence != 1 {
		t.Errorf("another page: %+v", got)
	}
	for _, bad := range []string{"sequence_number=-1", "sequence_page=x", "wait_seconds=61"} {
		if code, body := s.do("GET", "/topics/c/t?"+bad, "", ""); code != 400 {
			t.Errorf("GET with %s: %d %s", bad, code, body)
		}
	}
	if code, body := s.do("GET", "/topics/nowhere/t", "", ""); code != 404 {
		t.Errorf("a poll on no cache: %d %s", code, body)
	}
}

func TestPollEndsWithItsCacheAndItsClient(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/topics/c/t?wait_seconds=60", nil)
	s.whenSubscribed(cancel)
	if resp, err := s.Client().Do(r); err == nil {
		t.Errorf("the poll answered %d", resp.StatusCode)
	}
	await.That(t, "the subscription ends", func() bool {
		n, _ := s.subscribers()
		return n == 0
	})
	s.whenSubscribed(func() { _ = s.change(control.DeleteCache{Name: "c"}) })
	if code, body := s.do("GET", "/topics/c/t?wait_seconds=60", "", ""); code != 404 || !strings.Contains(body, "not_found") {
		t.Errorf("the cache was deleted: %d %s", code, body)
	}
}

// TestTopicList has subscribers everywhere: a gateway of a fleet lists the topics that have some there.
func TestTopicList(t *testing.T) {
	s := newSite(t)
	for range s.gateways {
		s.events("", "")
	}
	s.publish("x")
	s.do("POST", "/topics/c/other", "text/plain", "x")
	for range s.gateways {
		s.lists("t*", `"name":"t"`, `"next_sequence_number":2`)
	}
	s.lists("none*", `{"topics":[]}`)
}

// lists fails unless the next gateway's list of topics has some words and no "other": at once, or in a fleet once it has
// heard of the message that was published through another one.
func (s *site) lists(pattern string, words ...string) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		code, body := s.do("GET", "/topics/c?pattern="+pattern, "", "")
		missing := slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(body, w) })
		if code == http.StatusOK && !missing && !strings.Contains(body, "other") {
			return
		}
		if !inFleet(s.t) || time.Now().After(end) {
			s.t.Fatalf("list of %s: %d %s; want %q", pattern, code, body, words)
		}
	}
}

// stream is an open event stream.
type stream struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
	last   string // the id of the last event
}

func (s *site) events(query, lastID string) *stream {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/topics/c/t?"+query, nil)
	r.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		b, _ := io.ReadAll(resp.Body)
		s.t.Fatalf("events: %d %s", resp.StatusCode, b)
	}
	s.t.Cleanup(func() { cancel(); resp.Body.Close() })
	e := &stream{t: s.t, lines: bufio.NewScanner(resp.Body), cancel: cancel}
	if got := e.next(); got != " " {
		s.t.Fatalf("the first event is %q", got)
	}
	return e
}

// next returns the next event as "type data", following the rules by which browsers read them.
func (e *stream) next() string {
	e.t.Helper()
	kind, data := "", []string{}
	for e.lines.Scan() {
		field, value, _ := strings.Cut(e.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			kind = value
		case "data":
			data = append(data, value)
		case "id":
			e.last = value
		case "":
			if e.lines.Text() == "" {
				return kind + " " + strings.Join(data, "\n")
			}
		}
	}
	e.t.Fatalf("the stream ended: %v", e.lines.Err())
	return ""
}

func TestServerSentEvents(t *testing.T) {
	s := newSite(t)
	e := s.events("", "")
	start := e.last
	check := func(e *stream, want string) {
		t.Helper()
		if got := e.next(); got != want {
			t.Errorf("event %q, want %q", got, want)
		}
	}
	s.publish("one")
	check(e, " one")
	s.publish("two\nlines\r\nand\rmore\n")
	check(e, " two\nlines\nand\nmore\n")
	s.do("POST", "/topics/c/t", "application/octet-stream", "\x00\xff")
	check(e, "binary AP8=")
	s.publish("")
	check(e, " ")
	seen := e.last
	e.cancel()
	s.publish("while away")
	back := s.events("", seen)
	check(back, " while away")
	all := s.events("format=json", start)
	if got := all.next(); !strings.Contains(got, `"topic_sequence_number":1`) || !strings.Contains(got, `"text":"one"`) {
		t.Errorf("from the first id on: %q", got)
	}
	page, _, _ := strings.Cut(seen, "-")
	lost := s.events("", "77-9")
	check(lost, fmt.Sprintf(`discontinuity {"last_topic_sequence":9,"new_topic_sequence":1,"new_sequence_page":%s}`, page))
	check(lost, " one")
	if err := s.change(control.DeleteCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	check(back, `error {"code":"not_found","message":"cache not found: c"}`)
}

func TestEventErrors(t *testing.T) {
	s := newSite(t)
	for _, id := range []string{"x", "1", "1-x", "-1-2"} {
		if code, _ := s.do("GET", "/topics/c/t", "", "", "Accept", "text/event-stream", "Last-Event-ID", id); code != 400 {
			t.Errorf("Last-Event-ID %q: %d", id, code)
		}
	}
	if code, _ := s.do("GET", "/topics/c/t?format=xml", "", "", "Accept", "text/event-stream"); code != 400 {
		t.Errorf("format=xml: %d", code)
	}
	if code, _ := s.do("GET", "/topics/nowhere/t", "", "", "Accept", "text/event-stream"); code != 404 {
		t.Errorf("no cache: %d", code)
	}
}

func TestWebSocket(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, s.URL+"/topics/c/t", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	read := func() (e struct {
		element
		Subscribed map[string]uint64
		Error      *problem
	}) {
		t.Helper()
		_, b, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		return e
	}
	if e := read(); e.Subscribed["next_sequence_number"] != 1 || e.Subscribed["next_sequence_page"] == 0 {
		t.Errorf("first came %+v", e)
	}
	s.publish("by HTTP")
	if e := read(); *e.Item.Value.Text != "by HTTP" {
		t.Errorf("got %+v", e)
	}
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		if err := conn.Write(ctx, kind, []byte("by socket")); err != nil {
			t.Fatal(err)
		}
		e := read()
		if kind == websocket.MessageText && *e.Item.Value.Text != "by socket" || kind == websocket.MessageBinary && string(*e.Item.Value.Binary) != "by socket" {
			t.Errorf("got %+v", e)
		}
	}
	if err := conn.Write(ctx, websocket.MessageText, []byte("\xff")); err != nil {
		t.Fatal(err)
	}
	if e := read(); e.Error == nil || e.Error.Code != "invalid_argument" {
		t.Errorf("text that is not UTF-8: %+v", e)
	}
	if err := s.change(control.DeleteCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	_, _, err = conn.Read(ctx)
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation || !strings.Contains(err.Error(), "cache not found") {
		t.Errorf("after the cache was deleted: %v", err)
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for k := range hearth.KindCount {
		if status[k] < 400 || codes[k] == "" {
			t.Errorf("kind %d: %d %q", k, status[k], codes[k])
		}
	}
}
