package resp

import (
	"errors"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
)

// prefix is the code with which this door says each kind of error. Clients decide by it what to do.
var prefix = [hearth.KindCount]string{
	hearth.Internal:        "ERR",
	hearth.Invalid:         "ERR",
	hearth.Unauthenticated: "NOAUTH",
	hearth.Denied:          "NOPERM",
	hearth.NoCache:         "ERR",
	hearth.NotFound:        "ERR",
	hearth.Exists:          "BUSYKEY",
	hearth.WrongType:       "WRONGTYPE",
	hearth.Precondition:    "ERR",
	hearth.Limited:         "ERR",
	hearth.Unavailable:     "TRYAGAIN",
	hearth.Timeout:         "TIMEOUT",
	hearth.Canceled:        "ERR",
	hearth.Unimplemented:   "ERR",
	hearth.CrossSlot:       "CROSSSLOT",
}

// errorText is what the client reads of an error, in a Valkey server's words where it has some. command is the name in
// lower case.
func errorText(err error, command string) string {
	if s, ok := err.(say); ok {
		return string(s)
	}
	if s, ok := err.(earlyError); ok {
		return string(s)
	}
	var e *hearth.Error
	if !errors.As(err, &e) {
		return "ERR internal error"
	}
	code := prefix[e.Kind]
	switch {
	case e.Kind == hearth.Internal:
		return "ERR internal error"
	case e.Kind == hearth.Unauthenticated:
		return errNoAuth
	case e.Kind == hearth.Denied:
		return "NOPERM this user has no permissions to run the '" + command + "' command"
	case e.Kind == hearth.CrossSlot:
		return "CROSSSLOT Keys in request don't hash to the same slot"
	case e.Kind == hearth.Limited && e.Limit == hearth.MemoryLimit:
		return "OOM command not allowed when used memory > 'maxmemory'."
	case strings.HasPrefix(e.Msg, code+" "):
		return e.Msg
	case hasCode(e.Msg):
		return e.Msg
	}
	return code + " " + e.Msg
}

// hasCode reports whether a text begins with a code of its own, such as "WRONGTYPE".
func hasCode(s string) bool {
	code, _, found := strings.Cut(s, " ")
	return found && len(code) >= 3 && strings.ToUpper(code) == code && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// fail answers with an error.
func (c *conn) fail(r *row, err error) {
	c.out = respwire.AppendError(c.out, errorText(err, lower(r.name)))
}
