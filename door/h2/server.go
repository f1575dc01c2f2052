package h2

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"

	"github.com/hearthcache/hearth/door"
)

// Options configures a Server.
type Options struct {
	GRPC Handler      // answers gRPC calls; nil answers Unimplemented
	HTTP http.Handler // answers every other request; nil answers 404
	Log  *slog.Logger // hears of handlers that panic; nil is slog.Default

	Answers *door.Budget // of copied answers that wait for all peers; nil is one of door.AnswerBytesMax of its own
	Budget  *door.Budget // of all requests that are arriving, beyond a little for each connection; nil is one of its own
}

// Server is HTTP/2 as a door.Protocol. Give it to a door.Server, together with the same HTTP handler for HTTP/1.1.
type Server struct {
	grpc   Handler
	placer Placer // grpc, where it is one
	http   http.Handler
	log    *slog.Logger

	streams sync.Pool // free ones
	heads   sync.Pool

	answers *door.Budget // of copied answers that wait, in pieces of ArrivingGrain
	budget  *door.Budget // of unfinished messages, in pieces of ArrivingGrain, and of bodies

	mu      sync.RWMutex // guards the rest
	methods map[string]string
}

var _ door.Greeter = (*Server)(nil)

// NewServer returns a server.
func NewServer(o Options) *Server {
	s := &Server{grpc: o.GRPC, http: o.HTTP, log: o.Log, methods: map[string]string{}, budget: cmp.Or(o.Budget, &door.Budget{}),
		answers: cmp.Or(o.Answers, &door.Budget{Max: door.AnswerBytesMax})}
	if s.grpc == nil {
		s.grpc = nothing{}
	}
	s.placer, _ = s.grpc.(Placer)
	if s.http == nil {
		s.http = http.NotFoundHandler()
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s
}

// nothing is the Handler of a server that offers no gRPC.
type nothing struct{}

// ServeCall refuses.
func (nothing) ServeCall(c Call) {
	c.Finish(Status{Code: grpcUnimplemented, Message: "unknown method " + c.Method()})
}

// Greeting returns what every HTTP/2 connection begins with.
func (s *Server) Greeting() string { return preface }

// Open begins a connection with the server's settings.
func (s *Server) Open(dc *door.Conn, out *door.Writer) door.Session {
	c := &conn{server: s, door: dc, credit: windowDefault, initial: windowDefault, frameMax: frameBytesMax, window: ConnWindowBytes}
	out.B = appendHead(out.B, 2*6, frameSettings, 0, 0)
	out.B = appendSetting(out.B, settingStreams, StreamsMax)
	out.B = appendSetting(out.B, settingHeaderList, HeaderBytesMax)
	out.B = appendWindow(out.B, 0, ConnWindowBytes-windowDefault)
	return c
}

// intern returns path as a string without making one each time.
func (s *Server) intern(path []byte) string {
	s.mu.RLock()
	name, ok := s.methods[string(path)]
	s.mu.RUnlock()
	if ok {
		return name
	}
	name = string(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.methods) < MethodsMax {
		s.methods[name] = name
	}
	return name
}
