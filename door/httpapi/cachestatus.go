package httpapi

import (
	"strconv"

	"github.com/hearthcache/hearth/op"
)

// cacheStatus says a reply in the words of RFC 9211: what came from the cache, what did not and why, what came because
// somebody else was loading it, and how many seconds it has to live.
func cacheStatus(r *op.Reply) string {
	text := "hearth"
	switch {
	case r.Status == op.Miss:
		text += "; fwd=uri-miss"
		if r.Waited {
			text += "; collapsed"
		}
		return text + "; detail=" + r.Cause.String()
	case r.Waited:
		text += "; fwd=uri-miss; collapsed"
	case r.Attrs.Stale:
		text += "; fwd=stale"
	default:
		text += "; hit"
	}
	if r.Int >= 0 {
		text += "; ttl=" + strconv.FormatInt(r.Int/1000, 10)
	}
	return text
}

// cacheControl says how long a client may keep an answer. Whoever has the credential got it, so it is nobody else's.
func cacheControl(r *op.Reply) string {
	if r.Int < 0 {
		return "private"
	}
	return "private, max-age=" + strconv.FormatInt(r.Int/1000, 10)
}
