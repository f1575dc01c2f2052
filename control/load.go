package control

// Load is what one gateway has seen of one cache's limits: what was asked of its rates since the gateway told of it before,
// admitted or not, in nanoseconds of the whole rate a second, and what is held there now.
type Load struct {
	Requests, Throughput, Publishes int64
	Connections, Subscriptions      int64
}
