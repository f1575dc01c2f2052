package origin

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/hearthcache/hearth"
)

func awsEnv(endpoint string) func(string) string {
	return func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
			"AWS_SESSION_TOKEN": "session", "AWS_REGION": "eu-west-1"}[name]
	}
}

func TestS3(t *testing.T) {
	backend := s3mem.New()
	var signed, slow, broken atomic.Int64
	fake := gofakes3.New(backend).Server()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header.Get("Authorization"); strings.Contains(a, "/eu-west-1/s3/aws4_request") && strings.Contains(a, "x-amz-security-token") {
			signed.Add(1)
		}
		if slow.Load() > 0 {
			<-r.Context().Done()
			return
		}
		if broken.Load() > 0 {
			panic(http.ErrAbortHandler)
		}
		fake.ServeHTTP(w, r)
	}))
	defer srv.Close()
	if err := backend.CreateBucket("shop"); err != nil {
		t.Fatal(err)
	}
	put := func(key, value string) {
		t.Helper()
		if _, err := backend.PutObject("shop", key, map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}, strings.NewReader(value), int64(len(value)), nil); err != nil {
			t.Fatal(err)
		}
	}
	o := open(t, Options{Allow: local, Signed: []string{"s3://shop/"}, Getenv: awsEnv(srv.URL)}, "s3://shop/items/{key}.json")

	t.Run("read", func(t *testing.T) {
		put("items/a b+c/d.json", "value")
		a, err := o.Ask(t.Context(), []byte("a b+c/d"), "")
		if err != nil || string(a.Value) != "value" || a.Validator == "" {
			t.Errorf("got %q, validator %q, %v", a.Value, a.Validator, err)
		}
		if signed.Load() == 0 {
			t.Error("the request was not signed")
		}
	})
	t.Run("large", func(t *testing.T) {
		big := bytes.Repeat([]byte("x"), 3<<20)
		put("items/big.json", string(big))
		if v, _, err := o.Load(t.Context(), []byte("big")); err != nil || !bytes.Equal(v, big) {
			t.Errorf("got %d bytes, %v", len(v), err)
		}
	})
	t.Run("missing", func(t *testing.T) {
		if _, _, err := o.Load(t.Context(), []byte("nothing")); hearth.KindOf(err) != hearth.NotFound {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no bucket", func(t *testing.T) {
		nowhere := open(t, Options{Allow: local, Signed: []string{"s3://nowhere/"}, Getenv: awsEnv(srv.URL)}, "s3://nowhere/{key}")
		if _, _, err := nowhere.Load(t.Context(), []byte("k")); hearth.KindOf(err) != hearth.Denied {
			t.Errorf("got %v", err)
		}
	})
	t.Run("slow", func(t *testing.T) {
		slow.Store(1)
		defer slow.Store(0)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, _, err := o.Load(ctx, []byte("big")); hearth.KindOf(err) != hearth.Unavailable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("broken", func(t *testing.T) {
		broken.Store(1)
		defer broken.Store(0)
		if _, _, err := o.Load(t.Context(), []byte("big")); hearth.KindOf(err) != hearth.Unavailable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("another bucket behind a lent one", func(t *testing.T) {
		for _, template := range []string{"s3://shop/../other/{key}", "s3://shop/%2e%2e/other/{key}", "s3://shop/a/..%2f../other/{key}", "s3://shop/./{key}", `s3://shop/..\other/{key}`} {
			_, err := New(Options{Allow: local, Signed: []string{"s3://shop/"}, Getenv: awsEnv(srv.URL)}).Open(template)
			if hearth.KindOf(err) != hearth.Invalid {
				t.Errorf("%s: %v", template, err)
			}
		}
	})
	t.Run("not lent", func(t *testing.T) {
		for _, template := range []string{"s3://other/{key}", "s3://shop2/{key}", "dynamodb://t/k/{key}"} {
			for _, prefix := range []string{"s3://shop/", "s3://shop"} {
				_, err := New(Options{Allow: local, Signed: []string{prefix}, Getenv: awsEnv(srv.URL)}).Open(template)
				if hearth.KindOf(err) != hearth.Denied {
					t.Errorf("%s, where %s is lent: %v", template, prefix, err)
				}
			}
		}
	})
}

// TestAWSErrors has a server of the test's own say what the emulators never say.
func TestAWSErrors(t *testing.T) {
	var status int
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	defer srv.Close()
	options := Options{Allow: local, Signed: []string{"s3://shop/", "dynamodb://prices/"}, Getenv: awsEnv(srv.URL)}
	s3, dynamo := open(t, options, "s3://shop/{key}"), open(t, options, "dynamodb://prices/pk/{key}")
	check := func(o *Origin, answers int, says string, want hearth.Kind) {
		t.Helper()
		status, body = answers, says
		if _, _, err := o.Load(t.Context(), []byte("ExpiredToken")); hearth.KindOf(err) != want {
			t.Errorf("%d %s: %v", answers, says, err)
		}
	}
	code := func(c string) string { return "<Error><Code>" + c + "</Code><Key>ExpiredToken</Key></Error>" }
	kind := func(k string) string {
		return `{"__type":"com.amazonaws.dynamodb.v20120810#` + k + `","message":"ExpiredToken"}`
	}
	check(s3, 404, code("NoSuchKey"), hearth.NotFound)
	check(s3, 404, code("NoSuchBucket"), hearth.Denied)
	check(s3, 403, code("AccessDenied"), hearth.Denied)
	check(s3, 403, code("SignatureDoesNotMatch"), hearth.Unavailable)
	check(s3, 403, code("InvalidAccessKeyId"), hearth.Unavailable)
	check(s3, 400, code("ExpiredToken"), hearth.Unavailable)
	check(s3, 301, code("PermanentRedirect"), hearth.Denied)
	check(s3, 503, code("SlowDown"), hearth.Unavailable)
	check(dynamo, 400, kind("AccessDeniedException"), hearth.Denied)
	check(dynamo, 400, kind("ResourceNotFoundException"), hearth.Denied)
	check(dynamo, 400, kind("ValidationException"), hearth.Denied)
	check(dynamo, 400, kind("ThrottlingException"), hearth.Unavailable)
	check(dynamo, 400, kind("UnrecognizedClientException"), hearth.Unavailable)
	check(dynamo, 400, kind("ExpiredTokenException"), hearth.Unavailable)
	check(dynamo, 400, "no JSON", hearth.Denied)
	check(dynamo, 500, kind("InternalServerError"), hearth.Unavailable)
}
