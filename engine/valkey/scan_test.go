package valkey

import (
	"errors"
	"strings"
	"testing"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
)

// TestInOrder: of a primary that is not known yet a client is told, but not where it is, which the log is.
func TestInOrder(t *testing.T) {
	number := func(n int64) respwire.Value { return respwire.Value{Type: ':', Int: n} }
	of := func(first int64, host string) respwire.Value {
		node := respwire.Value{Array: []respwire.Value{{Str: []byte(host)}, number(6379)}}
		return respwire.Value{Array: []respwire.Value{number(first), number(first + 9), node}}
	}
	ranges := []respwire.Value{of(10, "10.1.2.3"), of(0, "10.1.2.4"), of(20, "10.1.2.4")}
	type client struct{ valkey.Client }
	a, b := &client{}, &client{}
	nodes := map[string]valkey.Client{"10.1.2.3:6379": a, "10.1.2.4:6379": b}
	if got, err := inOrder(ranges, nodes); err != nil || len(got) != 2 || got[0] != b || got[1] != a {
		t.Errorf("%v, %v", got, err)
	}
	delete(nodes, "10.1.2.3:6379")
	_, err := inOrder(ranges, nodes)
	var e *hearth.Error
	if !errors.As(err, &e) || e.Kind != hearth.Unavailable || strings.Contains(e.Msg, "10.1.2") || e.Err == nil || !strings.Contains(e.Err.Error(), "10.1.2.3:6379") {
		t.Errorf("%v", err)
	}
}
