package origin

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
)

var dynamoOptions = Options{Allow: local, Signed: []string{"dynamodb://prices/", "dynamodb://nowhere/"}}

func TestDynamoDB(t *testing.T) {
	p := startDynamoDB(t)
	p.dynamo("CreateTable", `{"TableName":"prices","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"}`)
	for n := 0; ; n++ {
		if p.active("prices") {
			break
		}
		if n > 200 {
			t.Fatal("the table does not come up")
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.dynamo("PutItem", `{"TableName":"prices","Item":{"pk":{"S":"item#a\"b"},"price":{"N":"12.5"},"raw":{"B":"AP9i"},"name":{"S":"apple"},"sizes":{"L":[]}}}`)
	options := dynamoOptions
	options.Getenv = awsEnv("http://" + p.addr)
	number := open(t, options, "dynamodb://prices/pk/item#{key}?value=price")
	for name, c := range map[string]struct {
		o    *Origin
		key  string
		want string
		kind hearth.Kind
	}{
		"number":       {number, `a"b`, "12.5", 0},
		"text":         {open(t, options, "dynamodb://prices/pk/item#{key}?value=name"), `a"b`, "apple", 0},
		"binary":       {open(t, options, "dynamodb://prices/pk/item#{key}?value=raw"), `a"b`, "\x00\xffb", 0},
		"no attribute": {open(t, options, "dynamodb://prices/pk/item#{key}?value=other"), `a"b`, "", hearth.Denied},
		"no scalar":    {open(t, options, "dynamodb://prices/pk/item#{key}?value=sizes"), `a"b`, "", hearth.Denied},
		"no table":     {open(t, options, "dynamodb://nowhere/pk/item#{key}"), "b", "", hearth.Denied},
		"missing":      {number, "b", "", hearth.NotFound},
	} {
		v, _, err := c.o.Load(t.Context(), []byte(c.key))
		if string(v) != c.want || (err == nil) != (c.kind == 0) || err != nil && hearth.KindOf(err) != c.kind {
			t.Errorf("%s: got %q, %v", name, v, err)
		}
	}
	whole, _, err := open(t, options, "dynamodb://prices/pk/item#{key}").Load(t.Context(), []byte(`a"b`))
	if err != nil || !strings.Contains(string(whole), `"price":{"N":"12.5"}`) {
		t.Errorf("whole: got %q, %v", whole, err)
	}
	t.Run("slow", func(t *testing.T) {
		_ = p.cmd.Process.Signal(syscall.SIGSTOP)
		defer p.cmd.Process.Signal(syscall.SIGCONT)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, _, err := number.Load(ctx, []byte("b")); hearth.KindOf(err) != hearth.Unavailable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("broken", func(t *testing.T) {
		_ = p.cmd.Process.Signal(syscall.SIGSTOP)
		broken := make(chan error)
		go func() {
			_, _, err := number.Load(t.Context(), []byte("b"))
			broken <- err
		}()
		time.Sleep(50 * time.Millisecond) // until the request is sent
		_ = p.cmd.Process.Kill()          // before it goes on: it never answers
		if err := <-broken; hearth.KindOf(err) != hearth.Unavailable {
			t.Errorf("killed during a request: %v", err)
		}
	})
}

// active reports whether a table may be used.
func (p *process) active(table string) bool {
	return strings.Contains(p.dynamo("DescribeTable", `{"TableName":"`+table+`"}`), `"TableStatus":"ACTIVE"`)
}

// TestDynamoDBTooBusy has a server of the test's own say what an emulator never says: that it is asked too often.
func TestDynamoDBTooBusy(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}`)
	}))
	defer srv.Close()
	options := dynamoOptions
	options.Getenv = awsEnv(srv.URL)
	if _, _, err := open(t, options, "dynamodb://prices/pk/{key}").Load(t.Context(), []byte("k")); hearth.KindOf(err) != hearth.Unavailable {
		t.Errorf("got %v", err)
	}
}
