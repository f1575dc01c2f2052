package valkey

import (
	"context"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
)

// deadKey is a set of the spaces that are dropped and not yet reclaimed, in base 36.
const deadKey = "h::dead"

// Drop implements engine.Engine. No key of the space can be named any more; Run of any gateway reclaims the memory.
func (e *Engine) Drop(ctx context.Context, s hearth.Space) error {
	c, err := e.conn()
	if err != nil {
		return unreachable(ctx, err)
	}
	err = c.Do(ctx, c.B().Arbitrary("SADD").Keys(deadKey).Args(strconv.FormatUint(uint64(s), 36)).Build()).Error()
	if err != nil {
		return unreachable(ctx, err)
	}
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return nil
}

// How often Run looks for what others have dropped, how long it waits after a Drop, so that other gateways learn first of the
// change that the Drop follows, and how many keys it looks at in one step.
const (
	reclaimEvery = time.Minute
	reclaimAfter = time.Second
	reclaimStep  = 1000
)

// Run implements engine.Runner: it gives back the memory of dropped spaces.
func (e *Engine) Run(ctx context.Context) error {
	t := time.NewTicker(reclaimEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(reclaimAfter):
			}
		case <-t.C:
		}
		// What fails now is found again the next time.
		_ = e.reclaim(ctx)
	}
}

// reclaim unlinks the items of all dropped spaces. Two gateways that do this at once do no harm.
func (e *Engine) reclaim(ctx context.Context) error {
	c, err := e.conn()
	if err != nil {
		return err
	}
	names, err := c.Do(ctx, c.B().Arbitrary("SMEMBERS").Keys(deadKey).Build()).AsStrSlice()
	if err != nil || len(names) == 0 {
		return err
	}
	dead := map[hearth.Space]bool{}
	for _, name := range names {
		n, _ := strconv.ParseUint(name, 36, 32)
		dead[hearth.Space(n)] = true
	}
	nodes, err := c.primaries(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := unlinkDead(ctx, n, dead); err != nil {
			return err
		}
	}
	for s := range dead {
		e.tables.m.Delete(s)
		if err := c.Do(ctx, c.B().Arbitrary("UNLINK").Keys(string(appendTableKey(nil, s))).Build()).Error(); err != nil {
			return err
		}
	}
	return c.Do(ctx, c.B().Arbitrary("SREM").Keys(deadKey).Args(names...).Build()).Error()
}

func unlinkDead(ctx context.Context, node valkey.Client, dead map[hearth.Space]bool) error {
	match := ownPrefix + "*"
	if len(dead) == 1 {
		for s := range dead {
			match = string(appendPrefix(nil, s)) + "*"
		}
	}
	var cursor uint64
	for {
		args := []string{"SCAN", strconv.FormatUint(cursor, 10), "MATCH", match, "COUNT", strconv.Itoa(reclaimStep)}
		keys, next, err := scanOnce(ctx, node, args)
		if err != nil {
			return err
		}
		var cmds []valkey.Completed
		for _, k := range keys {
			if s, _, ok := cutKey(k); ok && dead[s] {
				cmds = append(cmds, node.B().Arbitrary("UNLINK", string(k)).Build())
			}
		}
		for _, res := range node.DoMulti(ctx, cmds...) {
			if err := res.Error(); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
