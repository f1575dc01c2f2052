package valkey

import (
	"context"
	"fmt"
	"net"
	"sort"
	"strconv"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// A cursor carries the shard in its lowest bits and the server's own cursor above. Servers of one dictionary each number at
// most as many buckets as they have, and servers with one for each slot use 14 bits more: so it stays below 1<<53, and
// clients that keep it in a floating-point number, as those in JavaScript do, give it back as it was.
const (
	shardBits = 10
	shardMask = 1<<shardBits - 1
)

// Scan implements engine.Scanner: it walks one shard after another, and on each of them the keys of every space, so
// its cost grows with the whole cluster. A walk during a failover or resharding may miss keys.
func (e *Engine) Scan(ctx context.Context, s hearth.Space, cursor uint64, limit int, kind value.Kind) ([][]byte, uint64, error) {
	c, err := e.conn()
	if err != nil {
		return nil, 0, unreachable(ctx, err)
	}
	nodes, err := c.primaries(ctx)
	if err != nil {
		return nil, 0, unreachable(ctx, err)
	}
	shard := int(cursor & shardMask)
	if shard >= len(nodes) {
		return nil, 0, nil
	}
	prefix := appendPrefix(nil, s)
	args := []string{"SCAN", strconv.FormatUint(cursor>>shardBits, 10), "MATCH", string(prefix) + "*", "COUNT", strconv.Itoa(max(limit, 1))}
	if name := typeName[kind]; name != "" {
		args = append(args, "TYPE", name)
	}
	keys, next, err := scanOnce(ctx, nodes[shard], args)
	if err != nil {
		return nil, 0, unreachable(ctx, err)
	}
	for i, k := range keys {
		keys[i] = append([]byte{}, k[len(prefix):]...)
	}
	keys, err = e.without(ctx, s, keys)
	switch {
	case next != 0:
		next = next<<shardBits | uint64(shard)
	case shard+1 < len(nodes):
		next = uint64(shard + 1)
	}
	return keys, next, err
}

var typeName = [...]string{
	value.Scalar: "string", value.Dictionary: "hash", value.Set: "set", value.List: "list", value.SortedSet: "zset",
}

func scanOnce(ctx context.Context, node valkey.Client, args []string) (keys [][]byte, next uint64, err error) {
	res := node.Do(ctx, node.B().Arbitrary(args...).Build())
	m, err := res.ToMessage()
	if err != nil {
		return nil, 0, err
	}
	v := valueOf(&m)
	next, err = strconv.ParseUint(string(v.Array[0].Str), 10, 64)
	for _, k := range v.Array[1].Array {
		keys = append(keys, k.Str)
	}
	return keys, next, err
}

// primaries returns a client for each shard's primary, in the order of their lowest slots.
func (c *connected) primaries(ctx context.Context) ([]valkey.Client, error) {
	if !c.cluster {
		return []valkey.Client{c.Client}, nil
	}
	m, err := c.Do(ctx, c.B().Arbitrary("CLUSTER", "SLOTS").Build()).ToMessage()
	if err != nil {
		return nil, err
	}
	return inOrder(valueOf(&m).Array, c.Nodes())
}

// inOrder returns the clients of the primaries that CLUSTER SLOTS names, in the order of their lowest slots.
func inOrder(ranges []respwire.Value, nodes map[string]valkey.Client) ([]valkey.Client, error) {
	sort.Slice(ranges, func(i, j int) bool { return ranges[i].Array[0].Int < ranges[j].Array[0].Int })
	seen := map[string]bool{}
	var out []valkey.Client
	for _, r := range ranges {
		addr := addressOf(r.Array[2])
		if seen[addr] {
			continue
		}
		seen[addr] = true
		n := nodes[addr]
		if n == nil {
			return nil, &hearth.Error{Kind: hearth.Unavailable, Msg: "the engine's servers are changing: one is not known yet",
				Err: fmt.Errorf("the primary at %s is not known yet", addr)}
		}
		out = append(out, n)
	}
	return out, nil
}

func addressOf(node respwire.Value) string {
	return net.JoinHostPort(string(node.Array[0].Str), strconv.FormatInt(node.Array[1].Int, 10))
}
