package momento

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hearthcache/hearth/door/h2"
)

// Faults returns a handler that fails, delays or ends the calls of another as the request's own headers ask, which is
// what the retry suites of Momento's SDKs expect of a test server. It is for `hearth serve --dev-faults` alone.
func Faults(next h2.Handler) h2.Handler {
	return &faults{next: next, sessions: map[string]*faultSession{}}
}

type faults struct {
	next h2.Handler

	mu       sync.Mutex // guards sessions
	sessions map[string]*faultSession
}

// faultSession counts the calls that one client has spoilt already; clients call it request-id.
type faultSession struct{ errors, delays int }

// faultSessionsMax bounds what a test server remembers; past it, it forgets all.
const faultSessionsMax = 10_000

// fault is what shall happen to one call.
type fault struct {
	delay       time.Duration
	fails       bool
	failure     h2.Status
	endsStream  bool
	streamEnd   h2.Status
	messagesMax int // after which the stream ends
}

// ServeCall implements h2.Handler.
func (f *faults) ServeCall(c h2.Call) {
	what := f.plan(c)
	switch {
	case what.delay == 0 && what.fails:
		c.Finish(what.failure)
	case what.delay == 0 && !what.endsStream:
		f.next.ServeCall(c)
	default:
		ctx := c.Detach()
		go func() { c.Finish(f.spoil(ctx, c, what)) }()
	}
}

// spoil carries a call that has left its loop.
func (f *faults) spoil(ctx context.Context, c h2.Call, what fault) h2.Status {
	select {
	case <-time.After(what.delay):
	case <-ctx.Done():
		return statusOf(ctx.Err())
	}
	if what.fails {
		return what.failure
	}
	var conn any
	x := &Exchange{Path: c.Method(), Value: c.Header, Body: c.Message(), From: peer(c), Conn: &conn}
	sent, resumed := 0, resumes(c)
	x.Output = func(m []byte) error {
		if what.endsStream && sent >= what.messagesMax {
			return nil // the stream has ended: what comes after is not sent
		}
		c.End(append(c.Begin(), m...))
		// Items that the client missed before it came back do not count: else it could never catch up.
		if !resumed || x.pumped > 1 || !isItem(m) {
			sent++
		}
		if what.endsStream && sent >= what.messagesMax {
			x.Finish(what.streamEnd)
		}
		return nil
	}
	return x.Run(ctx, f.next)
}

// resumes reports whether the call is a subscription that goes on from a position.
func resumes(c h2.Call) bool {
	if !strings.HasSuffix(c.Method(), "/Subscribe") {
		return false
	}
	f := scan(c.Message())
	for f.next() {
		if (f.tag == 3<<3|varintType || f.tag == 4<<3|varintType) && f.num != 0 {
			return true
		}
	}
	return false
}

// isItem reports whether a message of a subscription is an item, and not a heartbeat or a discontinuity.
func isItem(m []byte) bool { return len(m) > 0 && m[0] == 1<<3|bytesType }

// plan reads what the headers ask for this call. Clients send the same headers with every call, so they are matched by
// the call's name.
func (f *faults) plan(c h2.Call) (what fault) {
	name := faultName(c.Method())
	if listed(c, "stream-error-rpcs", name) {
		what.endsStream = true
		what.streamEnd = faultStatus(c, "stream-error")
		what.messagesMax, _ = number(c, "stream-error-message-limit")
	}
	delays, fails := listed(c, "delay-rpcs", name), listed(c, "error-rpcs", name)
	if !delays && !fails {
		return what
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.session(string(c.Header("request-id")))
	if delays && s.another(c, "delay-count", &s.delays) {
		millis, _ := number(c, "delay-ms")
		what.delay = time.Duration(millis) * time.Millisecond
	}
	if fails && s.another(c, "error-count", &s.errors) {
		what.fails, what.failure = true, faultStatus(c, "return-error")
	}
	return what
}

func (f *faults) session(id string) *faultSession {
	s := f.sessions[id]
	if s == nil {
		if len(f.sessions) >= faultSessionsMax {
			maps.DeleteFunc(f.sessions, func(string, *faultSession) bool { return true })
		}
		s = &faultSession{}
		f.sessions[id] = s
	}
	return s
}

// another counts one more call against the limit in a header; without the header there is none.
func (s *faultSession) another(c h2.Call, header string, count *int) bool {
	limit, given := number(c, header)
	if given && *count >= limit {
		return false
	}
	*count++
	return true
}

func number(c h2.Call, header string) (n int, given bool) {
	n, err := strconv.Atoi(string(c.Header(header)))
	return n, err == nil
}

func listed(c h2.Call, header, name string) bool {
	for word := range strings.FieldsSeq(string(c.Header(header))) {
		if word == name {
			return true
		}
	}
	return false
}

// faultName returns the name that test headers have for a method: ItemGetTtl is item-get-ttl.
func faultName(method string) string {
	last := method[strings.LastIndexByte(method, '/')+1:]
	switch last {
	case "SetIfNotExists":
		return "set-if"
	case "ListErase":
		return "list-remove"
	case "Publish", "Subscribe":
		last = "Topic" + last
	}
	var b strings.Builder
	for i, r := range last {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// faultCodes are the names of errors that may be asked for.
var faultCodes = map[string]uint32{
	"cancelled":           codeCancelled,
	"unknown":             codeUnknown,
	"invalid-argument":    codeInvalidArgument,
	"deadline-exceeded":   codeDeadlineExceeded,
	"not-found":           codeNotFound,
	"already-exists":      codeAlreadyExists,
	"permission-denied":   codePermissionDenied,
	"resource-exhausted":  codeResourceExhausted,
	"failed-precondition": codeFailedPrecondition,
	"internal":            codeInternal,
	"unavailable":         codeUnavailable,
	"unauthenticated":     codeUnauthenticated,
}

func faultStatus(c h2.Call, header string) h2.Status {
	name := string(c.Header(header))
	code, ok := faultCodes[name]
	if !ok {
		code = codeUnknown
	}
	return h2.Status{Code: code, Message: "the request asked for this error: " + name}
}
