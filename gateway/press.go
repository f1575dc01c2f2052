package gateway

import "context"

// A caller whose connection answers in order can stand in its own way: while one of its reads waits for somebody's load,
// what it has sent behind that waits, too. Where that is the set of what it is loading itself, nobody gets any further
// until a time is up: neither it nor those who wait for it, who may be whom it waits for. Clients that share one connection
// among many tasks do that; those that use one at a time send nothing while they wait.

// pressKey is the key of a channel in a context.
type pressKey struct{}

// Pressing returns the context for commands of a connection that answers in order. Once press is closed, more has been sent
// behind them: then they do not wait while the caller is loading something itself, and may miss what others load.
func Pressing(ctx context.Context, press <-chan struct{}) context.Context {
	return context.WithValue(ctx, pressKey{}, press)
}

// press returns the channel that is closed when c should not wait any longer; nil is that it may.
func (c *Caller) press(ctx context.Context, now int64) <-chan struct{} {
	if c.leads.Load() == 0 || now >= c.loads.Load() {
		return nil
	}
	press, _ := ctx.Value(pressKey{}).(<-chan struct{})
	return press
}

// pressed reports whether c should not wait any longer.
func (c *Caller) pressed(ctx context.Context, now int64) bool {
	select {
	case <-c.press(ctx, now):
		return true
	default:
		return false
	}
}
