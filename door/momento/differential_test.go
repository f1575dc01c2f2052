package momento_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/local"
	_ "github.com/hearthcache/hearth/pb"
	"github.com/hearthcache/hearth/pb/pbtest"
)

// rpc is a method of the protocol with the type of its request.
type rpc struct {
	path    string
	request protoreflect.MessageType
}

// rpcs returns every method of the .proto files.
func rpcs(t testing.TB) []rpc {
	t.Helper()
	var all []rpc
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			name, ours := strings.CutPrefix(string(s.FullName()), pbtest.Prefix)
			for j := range s.Methods().Len() * min(1, len(name)) {
				m := s.Methods().Get(j)
				in, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
				if ours && err == nil {
					all = append(all, rpc{"/" + name + "/" + string(m.Name()), in})
				}
			}
		}
		return true
	})
	slices.SortFunc(all, func(x, y rpc) int { return strings.Compare(x.path, y.path) })
	return all
}

func TestEveryMethodOfTheProtocolHasARow(t *testing.T) {
	served := newHandler(t).Methods()
	all := rpcs(t)
	if len(all) != 79 {
		t.Fatalf("%d methods", len(all))
	}
	for _, m := range all {
		if !slices.Contains(served, m.path) {
			t.Errorf("%s has no row", m.path)
		}
	}
}

// small makes a random request one that hits what others have written: keys, elements and ids from a few, times to
// live that are allowed and far apart.
func small(r *rand.Rand, m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList():
			for i := range v.List().Len() {
				if f.Message() != nil {
					small(r, v.List().Get(i).Message())
				} else {
					v.List().Set(i, smallValue(r, f, v.List().Get(i)))
				}
			}
		case f.Message() != nil:
			small(r, v.Message())
		default:
			m.Set(f, smallValue(r, f, v))
		}
		return true
	})
	if f := m.Descriptor().Fields().ByName("ttl_milliseconds"); f != nil && r.IntN(20) > 0 {
		m.Set(f, protoreflect.ValueOfUint64(1_000_000<<r.IntN(6)))
	}
}

func smallValue(r *rand.Rand, f protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	name := string(f.Name())
	switch {
	case strings.HasSuffix(name, "milliseconds"):
		return protoreflect.ValueOfUint64(1_000_000 << r.IntN(6))
	case name == "count" && f.Kind() == protoreflect.Uint32Kind, name == "limit":
		if f.Kind() == protoreflect.Uint32Kind {
			return protoreflect.ValueOfUint32(1 << 20) // a random choice of all is no choice
		}
		return protoreflect.ValueOfUint64(1 << 20)
	case f.Kind() == protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(fmt.Append(nil, r.IntN(12)))
	case f.Kind() == protoreflect.StringKind:
		return protoreflect.ValueOfString(fmt.Sprint("board", r.IntN(3)))
	case f.Kind() == protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(v.Uint()) % 30)
	case f.Kind() == protoreflect.Sint32Kind:
		return protoreflect.ValueOfInt32(int32(v.Int()) % 12)
	case f.Kind() == protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(r.IntN(40)-20) / 4)
	case f.Kind() == protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(v.Int() % 1000)
	}
	return v
}

// unordered names what may come in any order, and timed what depends on when it was asked.
var (
	unordered = []string{"/SetFetch", "/SetPop", "/SetSample", "/DictionaryFetch"}
	timed     = []string{"/ItemGetTtl"}
)

func isOne(path string, of []string) bool {
	return slices.ContainsFunc(of, func(suffix string) bool { return strings.HasSuffix(path, suffix) })
}

// way is one way to a server of its own.
type way struct {
	name string
	call func(method string, request []byte) answer
}

// ways returns the ways that are to give the same: in this process, over grpc-go, over our own HTTP/2, as gRPC-Web, and
// on an engine that always has to wait.
func ways(t *testing.T) []way {
	over := func(conn *grpc.ClientConn) func(string, []byte) answer {
		return func(method string, request []byte) answer {
			a, err := remote(t.Context(), conn, method, cacheName, request)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
	}
	here, web, waiting := newHandler(t), newHandler(t), newHandlerOn(t, slow{local.New(local.Options{})})
	return []way{
		{"in process", func(method string, request []byte) answer { return direct(here, method, cacheName, request) }},
		{"grpc-go", over(dial(t, newHandler(t)))},
		{"HTTP/2", over(dialOwn(t, newHandler(t)))},
		{"gRPC-Web", func(method string, request []byte) answer { return webAnswer(t, web, method, request) }},
		{"waiting", func(method string, request []byte) answer { return direct(waiting, method, cacheName, request) }},
	}
}

// slow is an engine without the shortcut that never waits.
type slow struct{ engine.Engine }

// dialOwn serves the handler with our own HTTP/2 and connects to it with grpc-go.
func dialOwn(t *testing.T, h h2.Handler) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &door.Server{Protocol: h2.NewServer(h2.Options{GRPC: h})}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(ctx, l)
	}()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		stop()
		<-served
	})
	return conn
}

// webAnswer makes a call as gRPC-Web and reads its frames.
func webAnswer(t *testing.T, h h2.Handler, method string, request []byte) answer {
	t.Helper()
	resp, body := post(t, h, method, binaryType, frame(0, string(request)))
	var a answer
	if s := resp.Header.Get("Grpc-Status"); s != "" {
		a.status = webStatus(resp.Header)
	}
	for len(body) > 0 {
		n := binary.BigEndian.Uint32(body[1:])
		if body[0] == 0 {
			a.messages = append(a.messages, body[5:5+n])
		} else {
			trailers := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(body[5:5+n:5+n], "\r\n"...))))
			h, err := trailers.ReadMIMEHeader()
			if err != nil {
				t.Fatal(err)
			}
			a.status = webStatus(http.Header(h))
		}
		body = body[5+n:]
	}
	return a
}

func webStatus(h http.Header) h2.Status {
	code, _ := strconv.Atoi(h.Get("Grpc-Status"))
	message, _ := url.PathUnescape(h.Get("Grpc-Message"))
	return h2.Status{Code: uint32(code), Message: message, Err: h.Get("Err")}
}

// The same random calls, each way on a server of its own, give the same bytes and the same errors.
func TestRowsGiveTheSameBytesEveryWay(t *testing.T) {
	all := ways(t)
	var data []rpc
	for _, m := range rpcs(t) {
		if strings.HasPrefix(m.path, "/cache_client.Scs/") || strings.HasPrefix(m.path, "/leaderboard.") {
			data = append(data, m)
		}
	}
	r := rand.New(rand.NewPCG(7, 8))
	succeeded := map[string]int{}
	for range 3000 {
		m := data[r.IntN(len(data))]
		request := pbtest.Random(r, m.request)
		small(r, request.ProtoReflect())
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		want := all[0].call(m.path, b)
		for _, w := range all[1:] {
			got := w.call(m.path, b)
			if got.status != want.status || !isOne(m.path, timed) && !sameMessages(got.messages, want.messages, isOne(m.path, unordered)) {
				t.Fatalf("%s %v\n%s: %q %+v\n%s: %q %+v", m.path, request, w.name, got.messages, got.status, all[0].name, want.messages, want.status)
			}
		}
		if want.status.Code == 0 {
			succeeded[m.path]++
		}
	}
	for _, m := range data {
		if succeeded[m.path] == 0 {
			t.Errorf("%s never succeeded: the requests are too wild", m.path)
		}
	}
}

func sameMessages(x, y [][]byte, anyOrder bool) bool {
	return slices.EqualFunc(x, y, func(x, y []byte) bool {
		if anyOrder {
			x, y = slices.Clone(x), slices.Clone(y)
			slices.Sort(x)
			slices.Sort(y)
		}
		return slices.Equal(x, y)
	})
}
