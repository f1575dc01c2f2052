package h2

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// httpClient returns a client of net/http that speaks HTTP/2 only, or HTTP/1.1 only.
func (s *testServer) httpClient(t testing.TB, version int) (c *http.Client, url string) {
	t.Helper()
	p := new(http.Protocols)
	scheme := "http"
	switch {
	case version == 1:
		p.SetHTTP1(true)
	case s.trust == nil:
		p.SetUnencryptedHTTP2(true)
	default:
		p.SetHTTP2(true)
	}
	tr := &http.Transport{Protocols: p, DisableCompression: true}
	if s.trust != nil {
		scheme, tr.TLSClientConfig = "https", s.trust.Clone()
		if version == 1 {
			tr.TLSClientConfig.NextProtos = []string{"http/1.1"}
		}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}, scheme + "://" + s.addr
}

func TestHTTP(t *testing.T) {
	check := func(secured bool, version int) {
		s := start(t, echo{}, secured)
		c, url := s.httpClient(t, version)
		try := func(method, path, body string, status int, want string) *http.Response {
			t.Helper()
			req, _ := http.NewRequest(method, url+path, strings.NewReader(body))
			res, err := c.Do(req)
			if err != nil {
				t.Errorf("%s %s: %v", method, path, err)
				return &http.Response{Header: http.Header{}}
			}
			defer res.Body.Close()
			got, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != status || string(got) != want || res.ProtoMajor != version {
				t.Errorf("%s %s: %s %d, %d bytes %.60q, %v; want %d, %d bytes %.60q", method, path, res.Proto, res.StatusCode, len(got), got, err, status, len(want), want)
			}
			return res
		}

		try("GET", "/info?a=b", "", 200, fmt.Sprintf("GET HTTP/%d.%d %s a=b 0 %v", version, version%2, s.addr, secured))
		try("POST", "/info", "hello", 200, fmt.Sprintf("POST HTTP/%d.%d %s  5 %v", version, version%2, s.addr, secured))
		try("POST", "/echo", "hello", 200, "hello")
		big := strings.Repeat("0123456789abcdef", 1<<17)
		try("POST", "/echo", big, 200, big)
		try("GET", "/large?5000000", "", 200, strings.Repeat("x", 5000000))
		try("GET", "/flush", "", 200, "0\n1\n2\n")
		try("GET", "/nocontent", "", 204, "")
		try("GET", "/early", "", 418, "")
		try("POST", "/early", big, 418, "")
		try("GET", "/none", "", 404, "404 page not found\n")
		if res := try("GET", "/large?5", "", 200, "xxxxx"); res.ContentLength != 5 || res.Header.Get("Content-Type") == "" || res.Header.Get("Date") == "" {
			t.Errorf("header %v", res.Header)
		}
		if res := try("HEAD", "/large?5", "", 200, ""); version == 2 && res.ContentLength != 5 {
			t.Errorf("HEAD: length %d", res.ContentLength)
		}
	}

	check(false, 2)
	check(true, 2)
	check(false, 1)
	check(true, 1)
}

func TestHTTPTrailers(t *testing.T) {
	s := start(t, echo{}, false)
	c, url := s.httpClient(t, 2)
	req, _ := http.NewRequest("POST", url+"/trailer", io.MultiReader(strings.NewReader("x")))
	req.Trailer = http.Header{"X-Up": {"7"}}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if string(body) != "body" || err != nil || res.Trailer.Get("X-Sum") != "42 7" || res.Trailer.Get("X-Late") != "yes" {
		t.Errorf("%q, %v, trailer %v", body, err, res.Trailer)
	}
}

func TestHTTPContinue(t *testing.T) {
	s := start(t, echo{}, false)
	c, url := s.httpClient(t, 2)
	c.Transport.(*http.Transport).ExpectContinueTimeout = 10 * time.Second
	req, _ := http.NewRequest("POST", url+"/echo", strings.NewReader("hello"))
	req.Header.Set("Expect", "100-continue")
	begin := time.Now()
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); string(body) != "hello" || err != nil || time.Since(begin) > 5*time.Second {
		t.Errorf("%q, %v after %v", body, err, time.Since(begin))
	}
}

func TestHTTPAborts(t *testing.T) {
	s := start(t, echo{}, false)
	c, url := s.httpClient(t, 2)
	for _, path := range []string{"/panic", "/short"} {
		res, err := c.Get(url + path)
		if err == nil {
			_, err = io.ReadAll(res.Body)
		}
		if err == nil {
			t.Errorf("%s: no error", path)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", url+"/wait", nil)
	if _, err := c.Do(req); err == nil {
		t.Error("a cancelled request was answered")
	}
}

// A reader that is slow holds up its own stream only.
func TestHTTPSlowReader(t *testing.T) {
	s := start(t, echo{}, false)
	c, url := s.httpClient(t, 2)
	slow, err := c.Get(url + "/large?20000000")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		res, err := c.Post(url+"/echo", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(res.Body); string(got) != "hello" {
			t.Errorf("got %q", got)
		}
	}
	if n, err := io.Copy(io.Discard, slow.Body); n != 20000000 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// The request's body and the answer's flow at the same time.
func TestHTTPBothWays(t *testing.T) {
	s := start(t, echo{}, false)
	c, url := s.httpClient(t, 2)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, w := io.Pipe()
			req, _ := http.NewRequest("POST", url+"/echo", r)
			piece := bytes.Repeat([]byte("0123456789"), 7000)
			go func() {
				for range 20 {
					_, _ = w.Write(piece)
				}
				_ = w.Close()
			}()
			res, err := c.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := io.ReadAll(res.Body); !bytes.Equal(got, bytes.Repeat(piece, 20)) || err != nil {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}
