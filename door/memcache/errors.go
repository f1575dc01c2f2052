package memcache

import (
	"errors"

	"github.com/hearthcache/hearth"
)

// prefix is the word with which this door says each kind of error: whose fault it is.
var prefix = [hearth.KindCount]string{
	hearth.Internal:        "SERVER_ERROR",
	hearth.Invalid:         "CLIENT_ERROR",
	hearth.Unauthenticated: "CLIENT_ERROR",
	hearth.Denied:          "CLIENT_ERROR",
	hearth.NoCache:         "SERVER_ERROR",
	hearth.NotFound:        "CLIENT_ERROR",
	hearth.Exists:          "CLIENT_ERROR",
	hearth.WrongType:       "CLIENT_ERROR",
	hearth.Precondition:    "CLIENT_ERROR",
	hearth.Limited:         "SERVER_ERROR",
	hearth.Unavailable:     "SERVER_ERROR",
	hearth.Timeout:         "SERVER_ERROR",
	hearth.Canceled:        "SERVER_ERROR",
	hearth.Unimplemented:   "SERVER_ERROR",
	hearth.CrossSlot:       "SERVER_ERROR",
}

// errorText is what the client reads of an error.
func errorText(err error) string {
	e, ok := errors.AsType[*hearth.Error](err)
	switch {
	case !ok || e.Kind == hearth.Internal:
		return "SERVER_ERROR internal error"
	case e.Kind == hearth.Unauthenticated:
		return errUnauthenticated
	case e.Kind == hearth.Limited && e.Limit == hearth.ItemSize:
		return errTooLarge
	case e.Kind == hearth.Limited && e.Limit == hearth.MemoryLimit:
		return "SERVER_ERROR out of memory storing object"
	}
	return prefix[e.Kind] + " " + e.Msg
}

const (
	errFormat          = "CLIENT_ERROR bad command line format"
	errChunk           = "CLIENT_ERROR bad data chunk"
	errExptime         = "CLIENT_ERROR invalid exptime argument"
	errTooLarge        = "SERVER_ERROR object too large for cache"
	errUnauthenticated = "CLIENT_ERROR unauthenticated"
	errBuffers         = "SERVER_ERROR out of memory reading request"
	errFull            = "ERROR Too many open connections"
)
