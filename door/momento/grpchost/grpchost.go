// Package grpchost serves an h2.Handler with grpc-go, which is the reference for our own server: the same handler gives
// the same bytes over both. It knows no message: requests and responses are bytes.
package grpchost

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // requests may be compressed
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/door/momento"
)

// New returns a server whose every method is the handler's. It is also an http.Handler, for a port that serves
// something else too: give it the HTTP/2 requests whose Content-Type is application/grpc.
func New(h h2.Handler, options ...grpc.ServerOption) *grpc.Server {
	options = append([]grpc.ServerOption{
		grpc.ForceServerCodecV2(Raw{}),
		grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error { return serve(h, s) }),
		grpc.MaxRecvMsgSize(2 * hearth.MessageBytesMax), // serve says no with the trailer that clients read, grpc-go without
		// Clients ping every few seconds, also while they are idle.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second / 2, PermitWithoutStream: true}),
	}, options...)
	return grpc.NewServer(options...)
}

func serve(h h2.Handler, s grpc.ServerStream) error {
	var request mem.BufferSlice
	if err := s.RecvMsg(&request); err != nil {
		return err
	}
	if request.Len() > hearth.MessageBytesMax {
		s.SetTrailer(metadata.Pairs("err", "request_size_limit_exceeded"))
		return status.Error(codes.ResourceExhausted, "the message is larger than the request limit")
	}
	method, _ := grpc.MethodFromServerStream(s)
	headers, _ := metadata.FromIncomingContext(s.Context())
	var conn any
	var from netip.AddrPort
	if p, ok := peer.FromContext(s.Context()); ok {
		from, _ = netip.ParseAddrPort(p.Addr.String())
	}
	x := &momento.Exchange{
		From: from.Addr(),
		Path: method,
		Body: request.Materialize(),
		Conn: &conn,
		Value: func(name string) []byte {
			if v := headers[name]; len(v) > 0 {
				return []byte(v[0])
			}
			return nil
		},
		Output: func(m []byte) error { return s.SendMsg(&m) },
	}
	return finish(s.Context(), x, h, s)
}

func finish(ctx context.Context, x *momento.Exchange, h h2.Handler, s grpc.ServerStream) error {
	st := x.Run(ctx, h)
	if st.Err != "" {
		s.SetTrailer(metadata.Pairs("err", st.Err))
	}
	return status.Error(codes.Code(st.Code), st.Message)
}

// Raw is a codec that passes messages as the bytes they are: a *[]byte, or received a *mem.BufferSlice.
type Raw struct{}

// Name is what the content type says.
func (Raw) Name() string { return "proto" }

// Marshal copies, because the handler reuses its buffer.
func (Raw) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("grpchost: cannot send a %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(append([]byte(nil), *m...))}, nil
}

// Unmarshal keeps a reference: the message is used after RecvMsg.
func (Raw) Unmarshal(data mem.BufferSlice, v any) error {
	switch m := v.(type) {
	case *mem.BufferSlice:
		data.Ref()
		*m = data
	case *[]byte:
		*m = data.Materialize()
	default:
		return fmt.Errorf("grpchost: cannot receive a %T", v)
	}
	return nil
}

var _ encoding.CodecV2 = Raw{}
