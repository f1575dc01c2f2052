package momento_test

import (
	"bytes"
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/door/momento/grpchost"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

// cacheName is a cache that every test server has.
const cacheName = "c"

// newHandler returns a handler over a gateway and an engine of its own, with one cache.
func newHandler(t testing.TB) *momento.Handler {
	t.Helper()
	return newHandlerOn(t, local.New(local.Options{}))
}

// newHandlerOn returns a handler over a gateway and an engine, with one cache.
func newHandlerOn(t testing.TB, engine engine.Engine) *momento.Handler {
	t.Helper()
	plane, err := control.NewPlane(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	h := momento.New(gateway.New(gateway.Options{Engine: engine, Plane: plane, Open: true}))
	mustOK(t, direct(h, "/control_client.ScsControl/CreateCache", "", []byte("\x0a\x01"+cacheName)))
	return h
}

// answer is what a call came to.
type answer struct {
	messages [][]byte
	status   h2.Status
}

func mustOK(t testing.TB, a answer) answer {
	t.Helper()
	if a.status != (h2.Status{}) {
		t.Fatalf("status %+v", a.status)
	}
	return a
}

// direct calls the handler in this process.
func direct(h h2.Handler, method, cache string, request []byte, headers ...string) answer {
	var a answer
	var conn any
	x := &momento.Exchange{
		Path: method,
		Body: request,
		Conn: &conn,
		Value: func(name string) []byte {
			for i := 0; i < len(headers); i += 2 {
				if headers[i] == name {
					return []byte(headers[i+1])
				}
			}
			if name == "cache" && cache != "" {
				return []byte(cache)
			}
			return nil
		},
		Output: func(m []byte) error {
			a.messages = append(a.messages, bytes.Clone(m))
			return nil
		},
	}
	a.status = x.Run(context.Background(), h)
	return a
}

// dial serves the handler over grpc-go and connects to it.
func dial(t testing.TB, h h2.Handler) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpchost.New(h)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// remote calls over a connection, in bytes.
func remote(ctx context.Context, conn *grpc.ClientConn, method, cache string, request []byte) (answer, error) {
	var a answer
	if cache != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "cache", cache)
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodecV2(grpchost.Raw{}),
		grpc.MaxCallRecvMsgSize(64<<20))
	if err != nil {
		return a, err
	}
	if err := s.SendMsg(&request); err != nil {
		return a, err
	}
	if err := s.CloseSend(); err != nil {
		return a, err
	}
	for {
		var m []byte
		if err = s.RecvMsg(&m); err != nil {
			break
		}
		a.messages = append(a.messages, m)
	}
	if st := status.Convert(err); err.Error() != "EOF" {
		a.status = h2.Status{Code: uint32(st.Code()), Message: st.Message()}
	}
	if v := s.Trailer().Get("err"); len(v) > 0 {
		a.status.Err = v[0]
	}
	return a, nil
}

// call invokes a method with messages.
func call(t testing.TB, conn *grpc.ClientConn, cache, method string, in, out proto.Message) codes.Code {
	t.Helper()
	ctx := t.Context()
	if cache != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "cache", cache)
	}
	return status.Code(conn.Invoke(ctx, method, in, out))
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unmarshal(t testing.TB, b []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
}
