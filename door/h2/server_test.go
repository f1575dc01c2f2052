package h2

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/door"
)

// echo is the gRPC handler of the tests. Its methods do what their names say.
type echo struct {
	block func() (value []byte, owner door.Releaser)
}

func (e echo) ServeCall(c Call) {
	switch c.Method() {
	case "/test/Echo":
		c.End(append(c.Begin(), c.Message()...))
		c.Finish(Status{})
	case "/test/Empty":
		c.End(c.Begin())
		c.Finish(Status{})
	case "/test/Header":
		c.End(append(c.Begin(), c.Header(string(c.Message()))...))
		c.Finish(Status{})
	case "/test/Fail":
		c.Finish(Status{Code: 5, Message: "näh, 100%\n" + string(c.Message()), Err: "item_not_found"})
	case "/test/Size": // of the request
		c.End(strconv.AppendInt(c.Begin(), int64(len(c.Message())), 10))
		c.Finish(Status{})
	case "/test/Large": // an answer of so many bytes
		n, _ := strconv.Atoi(string(c.Message()))
		b := c.Begin()
		for range n {
			b = append(b, 'x')
		}
		c.End(b)
		c.Finish(Status{})
	case "/test/Block":
		value, owner := e.block()
		c.(Referrer).EndWith(append(c.Begin(), "<"...), value, owner)
		c.Finish(Status{})
	case "/test/Later":
		message, ctx := c.Message(), c.Detach()
		message = c.Message()
		go func() {
			d, _ := time.ParseDuration(string(message))
			select {
			case <-ctx.Done():
				c.Finish(Status{Code: grpcCancelled, Message: ctx.Err().Error()})
			case <-time.After(d):
				c.End(append(c.Begin(), message...))
				c.Finish(Status{})
			}
		}()
	case "/test/Count": // a stream of so many messages
		n, _ := strconv.Atoi(string(c.Message()))
		i := 0
		c.Stream(func() {
			for ; c.Room() > 0; i++ {
				if i == n {
					c.Finish(Status{})
					return
				}
				c.End(strconv.AppendInt(append(c.Begin(), strings.Repeat(".", 1000)...), int64(i), 10))
			}
		}, func() {})
		c.Wake()
	case "/test/Open": // a stream that never ends
		c.Stream(func() {}, func() {})
	default:
		nothing{}.ServeCall(c)
	}
}

// web is the http.Handler of the tests.
func web(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/echo":
		_, _ = io.Copy(w, r.Body)
	case "/info":
		fmt.Fprintf(w, "%s %s %s %s %d %v", r.Method, r.Proto, r.Host, r.URL.RawQuery, r.ContentLength, r.TLS != nil)
	case "/large":
		n, _ := strconv.Atoi(r.URL.RawQuery)
		_, _ = w.Write(bytes.Repeat([]byte{'x'}, n))
	case "/after": // the request
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "an answer of some length")
	case "/flush":
		for i := range 3 {
			fmt.Fprintf(w, "%d\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond) // so that each part leaves by itself
		}
	case "/trailer":
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "body")
		w.Header().Set("X-Sum", "42 "+r.Trailer.Get("X-Up"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
	case "/wait":
		<-r.Context().Done()
	case "/panic":
		panic(http.ErrAbortHandler)
	case "/short":
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "short")
	case "/nocontent":
		w.WriteHeader(http.StatusNoContent)
	case "/early":
		w.WriteHeader(http.StatusTeapot)
	default:
		http.NotFound(w, r)
	}
}

// testServer is a server on a free port.
type testServer struct {
	addr  string
	door  *door.Server
	h2    *Server
	stop  func()
	trust *tls.Config // for clients, where the server speaks TLS
}

func start(t testing.TB, grpc Handler, secured bool) *testServer {
	t.Helper()
	return startWith(t, Options{GRPC: grpc}, secured)
}

func startWith(t testing.TB, o Options, secured bool) *testServer {
	t.Helper()
	if o.HTTP == nil {
		o.HTTP = http.HandlerFunc(web)
	}
	s := &testServer{h2: NewServer(o)}
	s.door = &door.Server{Protocol: s.h2, HTTP: o.HTTP, Budget: s.h2.budget}
	if secured {
		s.door.TLS, s.trust = certificate(t)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.door.Serve(ctx, l) }()
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		s.door.Loops.Close()
		if n := s.door.Limits.Count(); n != 0 {
			t.Errorf("%d connections are still counted", n)
		}
	}
	t.Cleanup(s.stop)
	return s
}

func certificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	protocols := []string{"h2", "http/1.1"}
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: protocols}
	return server, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}
}

// quiet is a log that nobody reads.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
