package resp

import (
	"errors"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
)

// codes is how this door begins each kind of error. Clients decide by it what to do.
var codes = [hearth.KindCount]string{
	hearth.Internal:        "ERR ",
	hearth.Invalid:         "ERR ",
	hearth.Unauthenticated: "NOAUTH ",
	hearth.Denied:          "NOPERM ",
	hearth.NoCache:         "ERR ",
	hearth.NotFound:        "ERR ",
	hearth.Exists:          "BUSYKEY ",
	hearth.WrongType:       "WRONGTYPE ",
	hearth.Precondition:    "ERR ",
	hearth.Limited:         "ERR ",
	hearth.Unavailable:     "TRYAGAIN ",
	hearth.Timeout:         "TIMEOUT ",
	hearth.Canceled:        "ERR ",
	hearth.Unimplemented:   "ERR ",
	hearth.CrossSlot:       "CROSSSLOT ",
}

// errorText is what the client reads of an error, in a Valkey server's words where it has some: code comes first, and may
// be empty. command is the row's name.
func errorText(err error, command string) (code, text string) {
	if s, ok := err.(say); ok {
		return "", string(s)
	}
	if s, ok := err.(earlyError); ok {
		return "", string(s)
	}
	e, ok := errors.AsType[*hearth.Error](err)
	switch {
	case !ok || e.Kind == hearth.Internal:
		return "", "ERR internal error"
	case e.Kind == hearth.Unauthenticated:
		return "", errNoAuth
	case e.Kind == hearth.Denied:
		return "", "NOPERM this user has no permissions to run the '" + lower(command) + "' command"
	case e.Kind == hearth.CrossSlot:
		return "", "CROSSSLOT Keys in request don't hash to the same slot"
	case e.Kind == hearth.Limited && e.Limit == hearth.MemoryLimit:
		return "", "OOM command not allowed when used memory > 'maxmemory'."
	case hasCode(e.Msg):
		return "", e.Msg
	}
	return codes[e.Kind], e.Msg
}

// hasCode reports whether a text begins with a code of its own, such as "WRONGTYPE".
func hasCode(s string) bool {
	n := 0
	for n < len(s) && 'A' <= s[n] && s[n] <= 'Z' {
		n++
	}
	return n >= 3 && n < len(s) && s[n] == ' '
}

// fail answers with an error.
func (c *conn) fail(r *row, err error) {
	code, text := errorText(err, r.name)
	c.out = respwire.AppendError(c.out, code, text)
}
