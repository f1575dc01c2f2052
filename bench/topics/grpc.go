package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// raw passes messages as bytes, so that the clients' decoding is not measured.
type raw struct{}

// Name is what the content type says.
func (raw) Name() string { return "proto" }

// Marshal hands the bytes over as they are.
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

// Unmarshal copies, into a slice that is used again.
func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	b := v.(*[]byte)
	if n := data.Len(); cap(*b) < n {
		*b = make([]byte, n)
	} else {
		*b = (*b)[:n]
	}
	data.CopyTo(*b)
	return nil
}

const streamsPerConnection = 100 // as Momento's SDKs have it

// calls is a session over gRPC.
type calls struct {
	cancel   context.CancelFunc
	conns    []*grpc.ClientConn
	method   string
	envelope func(body []byte) []byte
}

func (c *calls) publish(body []byte) error {
	in, out := c.envelope(body), []byte(nil)
	return c.conns[0].Invoke(context.Background(), c.method, &in, &out, grpc.ForceCodecV2(raw{}))
}

func (c *calls) close() {
	c.cancel()
	for _, conn := range c.conns {
		conn.Close()
	}
}

// connectGRPC opens subscriptions; isItem tells messages from heartbeats. The first message of each stream is awaited.
func connectGRPC(at []string, l load, method string, request []byte, isItem func([]byte) bool, got func(int, int)) (*calls, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &calls{cancel: cancel}
	for i := range 1 + (l.fanOut+streamsPerConnection-1)/streamsPerConnection {
		conn, err := grpc.NewClient(at[i%len(at)], grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		c.conns = append(c.conns, conn)
	}
	for i := range l.fanOut {
		s, err := c.conns[1+i/streamsPerConnection].NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodecV2(raw{}))
		if err == nil {
			err = s.SendMsg(&request)
		}
		if err == nil {
			err = s.CloseSend()
		}
		var first []byte
		if err == nil {
			err = s.RecvMsg(&first)
		}
		if err != nil {
			c.close()
			return nil, err
		}
		go func() {
			var b []byte
			for {
				if err := s.RecvMsg(&b); err != nil {
					if ctx.Err() == nil {
						fmt.Fprintln(os.Stderr, "a subscription ended:", err)
					}
					return
				}
				if isItem(b) {
					got(i, 1)
				}
			}
		}()
	}
	return c, nil
}

// field appends a length-delimited field of protobuf.
func field(b []byte, number byte, v []byte) []byte {
	return append(binary.AppendUvarint(append(b, number<<3|2), uint64(len(v))), v...)
}

// createCache returns when the cache is known at all addresses.
func createCache(at []string) error {
	for i, addr := range at {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer conn.Close()
		in, out := field(nil, 1, []byte("bench")), []byte(nil)
		err = conn.Invoke(context.Background(), "/control_client.ScsControl/CreateCache", &in, &out, grpc.ForceCodecV2(raw{}))
		if err != nil && (i == 0 || status.Code(err) != codes.AlreadyExists) {
			return err
		}
	}
	return nil
}

func connectHearth(at []string, l load, got func(int, int)) (session, error) {
	if err := createCache(at); err != nil {
		return nil, err
	}
	where := field(field(nil, 1, []byte("bench")), 2, []byte("t"))
	c, err := connectGRPC(at, l, "/cache_client.pubsub.Pubsub/Subscribe", where, func(b []byte) bool { return b[0] == 1<<3|2 }, got)
	if err != nil {
		return nil, err
	}
	c.method = "/cache_client.pubsub.Pubsub/Publish"
	c.envelope = func(body []byte) []byte { return field(where[:len(where):len(where)], 3, field(nil, 1, body)) }
	return c, nil
}

func connectBare(at []string, l load, got func(int, int)) (session, error) {
	c, err := connectGRPC(at, l, "/bare/Subscribe", nil, func([]byte) bool { return true }, got)
	if err != nil {
		return nil, err
	}
	c.method = "/bare/Publish"
	// The bytes that hearth sends for this message: number and page beside the value.
	c.envelope = func(body []byte) []byte {
		item := field([]byte{8, 1}, 2, field(nil, 1, body))
		return field(nil, 1, binary.AppendUvarint(append(item, 4<<3), 1_700_000_000))
	}
	return c, nil
}

// serveBare is the least that grpc-go can do: a goroutine and a channel per stream, and the bytes as they came.
func serveBare(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var streams []chan []byte
	serve := func(_ any, s grpc.ServerStream) error {
		var request []byte
		if err := s.RecvMsg(&request); err != nil {
			return err
		}
		switch method, _ := grpc.MethodFromServerStream(s); method {
		case "/bare/Publish":
			mu.Lock()
			defer mu.Unlock()
			for _, c := range streams {
				c <- request
			}
			return s.SendMsg(new([]byte))
		case "/bare/Subscribe":
			c := make(chan []byte, 64)
			mu.Lock()
			streams = append(streams, c)
			mu.Unlock()
			if err := s.SendMsg(new([]byte)); err != nil {
				return err
			}
			for m := range c {
				if err := s.SendMsg(&m); err != nil {
					return err
				}
			}
			return nil
		default:
			return fmt.Errorf("unknown method %s", method)
		}
	}
	return grpc.NewServer(grpc.ForceServerCodecV2(raw{}), grpc.UnknownServiceHandler(serve)).Serve(l)
}
