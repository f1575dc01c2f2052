package gateway

// Operator returns the Caller for the process itself: it may do everything. Only package cmd/hearth and what it starts
// for the operator use it; no door does.
func (g *Gateway) Operator() *Caller {
	c := &Caller{gateway: g, who: everybody}
	c.rebind()
	return c
}
