package h2

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/test/await"
)

// collect answers with the length of the request's body, which it collects; where it is asked to, it lets the body pass.
func collect(w http.ResponseWriter, r *http.Request) {
	var size int64
	var err error
	if r.URL.Path == "/pass" {
		door.Loosen(r.Body)
		size, err = io.Copy(io.Discard, r.Body)
	} else {
		var b []byte
		b, err = io.ReadAll(r.Body)
		size = int64(len(b))
	}
	if err == door.ErrBudget {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	fmt.Fprint(w, size)
}

const bodiesBudget = 4 << 20

// bodyClients begin requests whose bodies lack their ends, and return how many were refused for want of memory.
var bodyClients = map[string]func(t *testing.T, s *testServer) (refused int, end func()){
	"HTTP/2": func(t *testing.T, s *testServer) (refused int, end func()) {
		var greedy []*raw
		for range 8 {
			r := s.raw(t)
			greedy = append(greedy, r)
			head := r.block(":method", "PUT", ":scheme", "http", ":path", "/collect")
			for i := range uint32(50) {
				if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: head, EndHeaders: true}); err != nil {
					t.Fatal(err)
				}
				for range 4 {
					_ = r.WriteData(2*i+1, false, make([]byte, 15_000))
				}
			}
			refused += r.settled()
		}
		return refused, func() {
			for _, r := range greedy {
				_ = r.Close()
			}
		}
	},
	"HTTP/1.1": func(t *testing.T, s *testServer) (refused int, end func()) {
		var conns []net.Conn
		for range 40 {
			c, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
			// It may be refused before it has sent all.
			_, _ = io.WriteString(c, "PUT /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n"+strings.Repeat("v", 390_000))
		}
		await.That(t, "requests were refused", func() bool {
			for i, c := range conns {
				_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
				if _, err := c.Read(make([]byte, 1)); err == nil {
					refused++
					_ = c.Close()
					conns = append(conns[:i], conns[i+1:]...)
					return false
				}
			}
			return refused > 20
		})
		return refused, func() {
			for _, c := range conns {
				_ = c.Close()
			}
		}
	},
}

// TestHalfBodies has clients send bodies that never come to their end: they take no more memory than the server allows, others
// are served meanwhile, and all of it is given back.
func TestHalfBodies(t *testing.T) {
	for name, begin := range bodyClients {
		t.Run(name, func(t *testing.T) {
			budget := &door.Budget{Max: bodiesBudget}
			s := startWith(t, Options{GRPC: echo{}, HTTP: http.HandlerFunc(collect), Budget: budget}, false)
			refused, end := begin(t, s)
			if used := budget.Used(); used > bodiesBudget || refused == 0 || used < bodiesBudget/2 {
				t.Errorf("%d requests were refused, and %d bytes are held, of %d", refused, used, bodiesBudget)
			}
			for version := range 3 {
				if version == 0 {
					continue
				}
				c, url := s.httpClient(t, version)
				for path, size := range map[string]int{"/collect": 10_000, "/pass": 10_000_000} {
					res, err := c.Post(url+path, "text/plain", strings.NewReader(strings.Repeat("v", size)))
					if err != nil {
						t.Fatal(err)
					}
					got, _ := bufio.NewReader(res.Body).ReadString(0)
					_ = res.Body.Close()
					if res.StatusCode != 200 || got != fmt.Sprint(size) {
						t.Errorf("another client's request over HTTP/%d is answered %d %q, want %d", version, res.StatusCode, got, size)
					}
				}
			}
			end()
			await.That(t, "all is given back", func() bool { return budget.Used() == 0 })
		})
	}
}
