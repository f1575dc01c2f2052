package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/topics"
)

// newTopics serves /topics/{cache} and /topics/{cache}/{topic}: POST publishes; GET subscribes, as a long poll, as
// Server-Sent Events where the request accepts those, or over a WebSocket.
func newTopics(g *gateway.Gateway, budget, answers *door.Budget) http.Handler {
	t := &topicServer{g, budget, answers}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /topics/{cache}", t.list)
	mux.HandleFunc("GET /topics/{cache}/{topic...}", t.subscribe)
	mux.HandleFunc("POST /topics/{cache}/{topic...}", t.publish)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page of any origin may ask: what counts is the credential, which no browser adds by itself.
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "authorization, content-type, last-event-id")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// topicRoutes are the requests on topics, as rows of an API: Topics serves them.
func (a *API) topicRoutes() []route {
	serve := func(w http.ResponseWriter, r *http.Request) error {
		a.topics.ServeHTTP(w, r)
		return nil
	}
	return []route{
		{"GET /topics/{cache}", serve, doc{summary: "Lists the topics in use", query: "pattern token", answer: topicList{}}},
		{"GET /topics/{cache}/{topic...}", serve, doc{summary: "Subscribes: a long poll, Server-Sent Events, or a WebSocket",
			query: "sequence_number sequence_page wait_seconds last_event_id format token", answer: pollAnswer{}, also: "text/event-stream"}},
		{"POST /topics/{cache}/{topic...}", serve, doc{summary: "Publishes the body: text, or bytes with Content-Type: application/octet-stream",
			query: "token", body: raw{}}},
	}
}

// topicInfo is what can be told of a topic.
type topicInfo struct {
	Name        string `json:"name"`
	Page        uint64 `json:"sequence_page"`
	Next        uint64 `json:"next_sequence_number"`
	Messages    int    `json:"messages"`
	Bytes       int64  `json:"bytes"`
	Subscribers int    `json:"subscribers"`
}

type topicList struct {
	Topics []topicInfo `json:"topics"`
}

type topicServer struct {
	gateway *gateway.Gateway
	budget  *door.Budget // of messages that arrive over WebSockets
	answers *door.Budget // of polls' answers that are being sent
}

// caller signs in with the credential of the header or of the query, not both.
func (t *topicServer) caller(r *http.Request) (*gateway.Caller, error) {
	header, query := r.Header.Get("Authorization"), r.URL.Query().Get("token")
	if header != "" && query != "" {
		return nil, invalid("the credential is given twice: as the header Authorization and as the query parameter token")
	}
	cred := gateway.Credential{Token: strings.TrimPrefix(header, "Bearer ") + query, Door: gateway.HTTP}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		cred.Peer = peer.Addr().Unmap()
	}
	return t.gateway.SignIn(cred, r.PathValue("cache"))
}

// publish answers a POST whose body is the message: binary where it says application/octet-stream, text otherwise.
func (t *topicServer) publish(w http.ResponseWriter, r *http.Request) {
	caller, err := t.caller(r)
	if err != nil {
		refuse(w, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hearth.TopicMessageBytesMax))
	if err != nil {
		refuse(w, bodyError(err))
		return
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	text := strings.TrimSpace(kind) != "application/octet-stream"
	if text && !utf8.Valid(body) {
		refuse(w, invalid("the message is not UTF-8: send Content-Type: application/octet-stream to publish binary"))
		return
	}
	if _, err := t.gateway.Publish(r.Context(), caller, r.PathValue("topic"), topics.Body{Bytes: body, Text: text}); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func bodyError(err error) error {
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize,
			Msg: fmt.Sprintf("request limit: the message is longer than %d bytes", hearth.TopicMessageBytesMax)}
	}
	return endedEarly(err)
}

// subscribe answers a GET in the way that the request asks for.
func (t *topicServer) subscribe(w http.ResponseWriter, r *http.Request) {
	caller, err := t.caller(r)
	if err != nil {
		refuse(w, err)
		return
	}
	serve := t.poll
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		serve = t.socket
	case strings.Contains(r.Header.Get("Accept"), "text/event-stream"):
		serve = t.events
	}
	if err := serve(w, r, caller); err != nil {
		refuse(w, err)
	}
}

// list answers with the topics in use, those of a pattern where the query has one.
func (t *topicServer) list(w http.ResponseWriter, r *http.Request) {
	all := []topicInfo{}
	caller, err := t.caller(r)
	if err == nil {
		err = t.gateway.ListTopics(caller, r.URL.Query().Get("pattern"), func(i topics.Info) bool {
			all = append(all, topicInfo{i.Name, i.Page, i.Next, i.Messages, i.Bytes, i.Subscribers})
			return true
		})
	}
	if err != nil {
		refuse(w, err)
		return
	}
	writeJSON(w, http.StatusOK, topicList{all})
}

// follower is a subscription of a request, with where it began.
type follower struct {
	*gateway.Subscription
	wake chan struct{}
	at   topics.Position // what comes next, as far as it is known
}

// follow opens a subscription. From now on means a position too: whoever is cut off before the first message can come
// back to it.
func (t *topicServer) follow(c *gateway.Caller, topic string, after topics.Position, beats bool) (*follower, error) {
	f := &follower{wake: make(chan struct{}, 1), at: after}
	if after == (topics.Position{}) {
		if i, err := t.gateway.Topic(c, topic); err == nil && i.Next > 0 {
			f.at = topics.Position{Sequence: i.Next, Page: i.Page}
		}
	}
	sub, err := t.gateway.Subscribe(c, topics.Filter{Topic: topic}, f.at, beats, func() {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, err
	}
	f.Subscription = sub
	if i, err := t.gateway.Topic(c, topic); f.at == (topics.Position{}) && err == nil {
		f.at = topics.Position{Sequence: 1, Page: i.Page} // the topic is new: Subscribe made it
	}
	return f, nil
}

// saw moves on past a gap and messages.
func (f *follower) saw(gap *topics.Gap, ms []topics.Message) {
	if gap != nil {
		f.at = topics.Position{Sequence: gap.Next, Page: gap.Page}
	}
	if n := len(ms); n > 0 {
		f.at = topics.Position{Sequence: ms[n-1].Sequence + 1, Page: ms[n-1].Page}
	}
}

// position reads where a subscription is to begin from the query; zero is from now on.
func position(r *http.Request) (p topics.Position, err error) {
	for name, into := range map[string]*uint64{"sequence_number": &p.Sequence, "sequence_page": &p.Page} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		if *into, err = strconv.ParseUint(text, 10, 64); err != nil {
			return p, invalid(name + " is not a number that is 0 or greater")
		}
	}
	return p, nil
}

// What subscribers get, as JSON. Binary is base64.
type element struct {
	Item          *item          `json:"item,omitempty"`
	Discontinuity *discontinuity `json:"discontinuity,omitempty"`
}

type item struct {
	Sequence  uint64  `json:"topic_sequence_number"`
	Page      uint64  `json:"sequence_page"`
	Value     content `json:"value"`
	Publisher string  `json:"publisher_id,omitempty"`
}

type content struct {
	Text   *string `json:"text,omitempty"`
	Binary *[]byte `json:"binary,omitempty"`
}

type discontinuity struct {
	Last uint64 `json:"last_topic_sequence"`
	Next uint64 `json:"new_topic_sequence"`
	Page uint64 `json:"new_sequence_page"`
}

func itemOf(m *topics.Message) *item {
	i := &item{Sequence: m.Sequence, Page: m.Page, Publisher: m.Publisher}
	if m.Text {
		text := string(m.Bytes)
		i.Value.Text = &text
	} else {
		i.Value.Binary = &m.Bytes
	}
	return i
}

func discontinuityOf(g *topics.Gap) *discontinuity { return &discontinuity{g.Last, g.Next, g.Page} }

// appendElements appends a gap and messages as JSON values.
func appendElements(elements []element, gap *topics.Gap, ms []topics.Message) []element {
	if gap != nil {
		elements = append(elements, element{Discontinuity: discontinuityOf(gap)})
	}
	for i := range ms {
		elements = append(elements, element{Item: itemOf(&ms[i])})
	}
	return elements
}
