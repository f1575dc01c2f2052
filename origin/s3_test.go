package origin

import (
	"bytes"
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
	var signed atomic.Int64
	fake := gofakes3.New(backend).Server()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header.Get("Authorization"); strings.Contains(a, "/eu-west-1/s3/aws4_request") && strings.Contains(a, "x-amz-security-token") {
			signed.Add(1)
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
	t.Run("not lent", func(t *testing.T) {
		for _, template := range []string{"s3://other/{key}", "s3://shop2/{key}", "dynamodb://t/k/{key}"} {
			_, err := New(Options{Allow: local, Signed: []string{"s3://shop/"}, Getenv: awsEnv(srv.URL)}).Open(template)
			if hearth.KindOf(err) != hearth.Denied {
				t.Errorf("%s: %v", template, err)
			}
		}
	})
}

// TestDynamoDB speaks to a server of the test's own: it shows the request and the answers as AWS documents them.
func TestDynamoDB(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		ok := r.Method == http.MethodPost && r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.GetItem" &&
			strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/dynamodb/aws4_request")
		switch {
		case !ok:
			http.Error(w, "bad request", http.StatusForbidden)
		case string(body) == `{"Key":{"pk":{"S":"item#a\"b"}},"TableName":"prices"}`:
			io.WriteString(w, `{"Item":{"pk":{"S":"item#a"},"price":{"N":"12.5"},"raw":{"B":"aGk="}}}`)
		case strings.Contains(string(body), "busy"):
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}`)
		default:
			io.WriteString(w, `{}`)
		}
	}))
	defer srv.Close()
	options := Options{Allow: local, Signed: []string{"dynamodb://prices/"}, Getenv: awsEnv(srv.URL)}
	number := open(t, options, "dynamodb://prices/pk/item#{key}?value=price")
	for name, c := range map[string]struct {
		o    *Origin
		key  string
		want string
		kind hearth.Kind
	}{
		"number":       {number, `a"b`, "12.5", 0},
		"binary":       {open(t, options, "dynamodb://prices/pk/item#{key}?value=raw"), `a"b`, "hi", 0},
		"whole":        {open(t, options, "dynamodb://prices/pk/item#{key}"), `a"b`, `{"pk":{"S":"item#a"},"price":{"N":"12.5"},"raw":{"B":"aGk="}}`, 0},
		"no attribute": {open(t, options, "dynamodb://prices/pk/item#{key}?value=other"), `a"b`, "", hearth.Denied},
		"missing":      {number, "b", "", hearth.NotFound},
		"busy":         {number, "busy", "", hearth.Unavailable},
	} {
		v, _, err := c.o.Load(t.Context(), []byte(c.key))
		if string(v) != c.want || (err == nil) != (c.kind == 0) || err != nil && hearth.KindOf(err) != c.kind {
			t.Errorf("%s: got %q, %v", name, v, err)
		}
	}
}
