package client

import "github.com/hearthcache/hearth"

// kinds translates gRPC's status codes back to the kinds of hearth.Error, which every error of a call is.
var kinds = [...]hearth.Kind{
	1:  hearth.Canceled,
	2:  hearth.Internal,
	3:  hearth.Invalid,
	4:  hearth.Timeout,
	5:  hearth.NoCache,
	6:  hearth.Exists,
	7:  hearth.Denied,
	8:  hearth.Limited,
	9:  hearth.Precondition,
	10: hearth.Internal,
	11: hearth.Invalid,
	12: hearth.Unimplemented,
	13: hearth.Internal,
	14: hearth.Unavailable,
	15: hearth.Internal,
	16: hearth.Unauthenticated,
}

func kindOf(code int) hearth.Kind {
	if code < 0 || code >= len(kinds) {
		return hearth.Internal
	}
	return kinds[code]
}

// wrongType is how hearth begins to say that an item is of another type; the status is that of every Precondition.
const wrongType = "WRONGTYPE"

// limits translates the trailer that says which limit was reached.
var limits = map[string]hearth.Limit{
	"operations_rate_limit_exceeded":     hearth.RequestRate,
	"throughput_rate_limit_exceeded":     hearth.Throughput,
	"request_size_limit_exceeded":        hearth.RequestSize,
	"item_size_limit_exceeded":           hearth.ItemSize,
	"element_size_limit_exceeded":        hearth.ElementSize,
	"topic_subscriptions_limit_exceeded": hearth.Subscriptions,
}
