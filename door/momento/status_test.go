package momento

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door/h2"
)

func TestEveryKindHasACode(t *testing.T) {
	for k := range hearth.KindCount {
		if codes[k] == codeOK {
			t.Errorf("kind %d has no code", k)
		}
		if k != hearth.Internal && codes[k] == codeInternal {
			t.Errorf("kind %d is said as internal", k)
		}
	}
	if len(limits) != int(hearth.MemoryLimit)+1 {
		t.Errorf("%d limits have a trailer", len(limits))
	}
}

func TestStatusOf(t *testing.T) {
	check := func(err error, want h2.Status) {
		t.Helper()
		if got := statusOf(err); got != want {
			t.Errorf("statusOf(%v) = %+v, want %+v", err, got, want)
		}
	}

	check(nil, h2.Status{})
	check(errors.New("secret"), h2.Status{Code: 13, Message: "internal error"})
	check(&hearth.Error{Msg: "secret"}, h2.Status{Code: 13, Message: "internal error"})
	check(&hearth.Error{Kind: hearth.NoCache, Msg: "cache not found: x", Err: errors.New("secret")}, h2.Status{Code: 5, Message: "cache not found: x"})
	check(fmt.Errorf("in a chain: %w", &hearth.Error{Kind: hearth.Invalid, Msg: "m"}), h2.Status{Code: 3, Message: "m"})
	check(&hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize, Msg: "m"}, h2.Status{Code: 8, Message: "m", Err: "request_size_limit_exceeded"})
	check(&hearth.Error{Kind: hearth.Limited, Msg: "m"}, h2.Status{Code: 8, Message: "m"})
	check(context.DeadlineExceeded, h2.Status{Code: 4, Message: "the deadline passed"})
	check(context.Canceled, h2.Status{Code: 1, Message: "the call was cancelled"})
}
