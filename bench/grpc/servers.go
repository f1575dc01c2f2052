package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/hearthcache/hearth/bench/address"
)

const (
	cacheName  = "bench"
	key        = "key-0000000000000000"
	getRequest = "\x0a\x14" + key // 22 bytes
	itemBytes  = 145              // with its field heads, the answer has 150 bytes
	method     = "/cache_client.Scs/Get"
)

// server is one that is measured.
type server struct {
	name    string
	addr    string
	method  string
	secured bool
	token   string
	process *exec.Cmd
}

// startAll starts the servers side by side.
func startAll(dir, binary string) (servers []*server, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, secured := range []bool{false, true} {
		s, err := startBaseline(self, secured)
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
		if s, err = startHearth(dir, binary, secured); err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

func named(name string, secured bool) string {
	if secured {
		return name + ", TLS"
	}
	return name
}

func startBaseline(self string, secured bool) (*server, error) {
	addr, err := address.Free()
	if err != nil {
		return nil, err
	}
	s := &server{name: named("grpc-go", secured), addr: addr, method: method, secured: secured, token: "none"}
	s.process = pinned(0, self, "-serve", addr, fmt.Sprintf("-tls=%v", secured))
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	return s, s.await()
}

var rootKey = regexp.MustCompile(`MOMENTO_API_KEY=(\S+)`)

// startHearth starts the server with authentication, and puts the item that is read.
func startHearth(dir, binary string, secured bool) (*server, error) {
	addr, err := address.Free()
	if err != nil {
		return nil, err
	}
	s := &server{name: named("hearth", secured), addr: addr, method: method, secured: secured}
	args := []string{"serve", "--listen", addr, "--resp", "off", "--memcache", "off", "--admin", "off", "--auth"}
	if secured {
		args = append(args, "--data", filepath.Join(dir, "data"), "--tls-self-signed", "bench.test")
	}
	s.process = pinned(0, binary, args...)
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.process.Stderr = s.process.Stdout
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); s.token == "" && lines.Scan(); {
		if m := rootKey.FindStringSubmatch(lines.Text()); m != nil {
			s.token = innerKey(m[1])
		}
	}
	if s.token == "" {
		return s, fmt.Errorf("%s has shown no root key", binary)
	}
	if err := s.await(); err != nil {
		return s, err
	}
	if _, err := s.call("/control_client.ScsControl/CreateCache", "\x0a\x05"+cacheName); err != nil {
		return s, err
	}
	const ttl = "\x18\x80\xdd\xdb\x01" // an hour, in milliseconds
	set := "\x0a\x14" + key + "\x12\x91\x01" + strings.Repeat("v", itemBytes) + ttl
	if _, err := s.call("/cache_client.Scs/Set", set); err != nil {
		return s, err
	}
	return s, s.check()
}

// innerKey returns what clients send of a key.
func innerKey(text string) string {
	var v struct {
		Key string `json:"api_key"`
	}
	b, _ := base64.StdEncoding.DecodeString(text)
	_ = json.Unmarshal(b, &v)
	return v.Key
}

func (s *server) stop() {
	_ = s.process.Process.Signal(syscall.SIGTERM)
	_ = s.process.Wait()
}

// await waits until the server accepts connections.
func (s *server) await() error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) {
			return err
		}
	}
}

// check makes one call, and looks at its answer.
func (s *server) check() error {
	answer, err := s.call(s.method, getRequest)
	if err == nil && len(answer) != itemBytes+5 {
		err = fmt.Errorf("the answer has %d bytes", len(answer))
	}
	return err
}

// call makes one call by grpc-go.
func (s *server) call(method, request string) (string, error) {
	creds := insecure.NewCredentials()
	if s.secured {
		creds = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}) // of this machine
	}
	c, err := grpc.NewClient("passthrough:///"+s.addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		return "", err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", s.token, "cache", cacheName)
	in, out := []byte(request), []byte(nil)
	err = c.Invoke(ctx, method, &in, &out, grpc.ForceCodec(plain{}))
	return string(out), err
}

// plain sends bytes as they are.
type plain struct{}

// Marshal returns the bytes.
func (plain) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

// Unmarshal copies the bytes.
func (plain) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), b...)
	return nil
}

// Name names the codec.
func (plain) Name() string { return "plain" }

// serveBaseline is the bare grpc-go server.
func serveBaseline(addr string, secured bool) error {
	answer := make([]byte, itemBytes+5)
	options := []grpc.ServerOption{grpc.ForceServerCodec(plain{})}
	if secured {
		config, err := certificate()
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	s := grpc.NewServer(options...)
	get := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var in []byte
		return &answer, decode(&in)
	}
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "cache_client.Scs", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Get", Handler: get}}}, struct{}{})
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

func certificate() (*tls.Config, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: k}}, NextProtos: []string{"h2"}}, nil
}
