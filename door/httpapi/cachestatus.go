package httpapi

import (
	"strconv"

	"github.com/hearthcache/hearth/op"
)

// cacheStatus says a reply in the words of RFC 9211: what came from the cache, what did not and why, what came because
// somebody else was loading it, and for how many seconds it is fresh; fewer than none where it is stale.
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
	left, ends := freshFor(r)
	if ends {
		text += "; ttl=" + strconv.FormatInt(left, 10)
	}
	switch {
	case r.Cause != op.Unknown:
		text += "; detail=" + r.Cause.String()
	case ends && left < 0:
		text += "; detail=stale"
	}
	return text
}

// freshFor returns the whole seconds for which a Hit of a GetTTL is fresh, fewer than none where it is stale already; ends
// is whether it will ever be.
func freshFor(r *op.Reply) (seconds int64, ends bool) {
	if r.Int < 0 {
		return 0, false
	}
	millis := r.Int - r.Grace
	if millis < 0 {
		return (millis - 999) / 1000, true
	}
	return millis / 1000, true
}

// cacheControl says how long a client may keep an answer. Whoever has the credential got it, so it is nobody else's.
func cacheControl(r *op.Reply) string {
	left, ends := freshFor(r)
	if !ends {
		return "private"
	}
	return "private, max-age=" + strconv.FormatInt(max(0, left), 10)
}
