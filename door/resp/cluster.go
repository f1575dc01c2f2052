package resp

import (
	"bytes"
	"fmt"
	"net"
	"strconv"

	"github.com/hearthcache/hearth/respwire"
)

// slots is the number of hash slots of a cluster. This node has them all.
const slots = 16384

var clusterRows = []row{{name: "CLUSTER", arity: -2, subs: []row{
	{name: "SLOTS", arity: 2, flags: loading | stale, run: runClusterSlots},
	{name: "SHARDS", arity: 2, flags: loading | stale, run: runClusterShards},
	{name: "NODES", arity: 2, flags: loading | stale, run: runClusterNodes},
	{name: "INFO", arity: 2, flags: loading | stale, run: runClusterInfo},
	{name: "MYID", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) { c.out = respwire.AppendBulkString(c.out, c.door.id()) }},
	{name: "KEYSLOT", arity: 3, flags: loading | stale, run: func(c *conn, args [][]byte) {
		c.out = respwire.AppendInteger(c.out, int64(slotOf(args[2])))
	}},
	{name: "COUNTKEYSINSLOT", arity: 3, flags: stale | waits, run: runClusterCount},
	{name: "GETKEYSINSLOT", arity: 4, flags: stale | waits, run: runClusterKeys},
	{name: "LINKS", arity: 2, flags: stale, run: runEmptyArray},
	{name: "REPLICAS", arity: 3, flags: admin | stale, run: runClusterReplicas},
	{name: "SLAVES", arity: 3, flags: admin | stale, run: runClusterReplicas},
	{name: "COUNT-FAILURE-REPORTS", arity: 3, flags: admin | stale, run: runClusterFailures},
	{name: "HELP", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) {
		c.help("CLUSTER", "COUNT-FAILURE-REPORTS <node-id>", "COUNTKEYSINSLOT <slot>", "GETKEYSINSLOT <slot> <count>", "INFO", "KEYSLOT <key>", "MYID", "NODES", "REPLICAS <node-id>", "SHARDS", "SLOTS", "HELP")
	}},
}}}

// address is where clients are told to find this node: where they have found it.
func (c *conn) address() (host string, port int) {
	host, p, err := net.SplitHostPort(c.info.laddr)
	if err != nil {
		return c.door.Host, c.door.Port
	}
	port, _ = strconv.Atoi(p)
	if c.door.Host != "" {
		return c.door.Host, c.door.Port
	}
	return host, port
}

func runClusterSlots(c *conn, args [][]byte) {
	host, port := c.address()
	c.out = respwire.AppendArray(c.out, 1)
	c.out = respwire.AppendArray(c.out, 3)
	c.out = respwire.AppendInteger(c.out, 0)
	c.out = respwire.AppendInteger(c.out, slots-1)
	c.out = respwire.AppendArray(c.out, 4)
	c.out = respwire.AppendBulkString(c.out, host)
	c.out = respwire.AppendInteger(c.out, int64(port))
	c.out = respwire.AppendBulkString(c.out, c.door.id())
	c.out = respwire.AppendArray(c.out, 0)
}

func runClusterShards(c *conn, args [][]byte) {
	host, port := c.address()
	portName := "port"
	if c.sock.TLS() != nil {
		portName = "tls-port"
	}
	c.out = respwire.AppendArray(c.out, 1)
	c.out = c.proto.AppendMap(c.out, 2)
	c.out = respwire.AppendBulkString(c.out, "slots")
	c.out = respwire.AppendArray(c.out, 2)
	c.out = respwire.AppendInteger(c.out, 0)
	c.out = respwire.AppendInteger(c.out, slots-1)
	c.out = respwire.AppendBulkString(c.out, "nodes")
	c.out = respwire.AppendArray(c.out, 1)
	c.out = c.proto.AppendMap(c.out, 7)
	c.pair("id", c.door.id())
	c.out = respwire.AppendBulkString(c.out, portName)
	c.out = respwire.AppendInteger(c.out, int64(port))
	c.pair("ip", host)
	c.pair("endpoint", host)
	c.pair("role", "master")
	c.out = respwire.AppendBulkString(c.out, "replication-offset")
	c.out = respwire.AppendInteger(c.out, 0)
	c.pair("health", "online")
}

func runClusterNodes(c *conn, args [][]byte) {
	host, port := c.address()
	c.text(fmt.Sprintf("%s %s:%d@%d myself,master - 0 0 1 connected 0-%d\n", c.door.id(), host, port, port+10000, slots-1))
}

func runClusterInfo(c *conn, args [][]byte) {
	c.text(fmt.Sprintf("cluster_state:ok\r\ncluster_slots_assigned:%d\r\ncluster_slots_ok:%d\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:0\r\n"+
		"cluster_known_nodes:1\r\ncluster_size:1\r\ncluster_current_epoch:1\r\ncluster_my_epoch:1\r\ncluster_stats_messages_sent:0\r\n"+
		"cluster_stats_messages_received:0\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n", slots, slots))
}

// slotArg reads the number of a slot.
func (c *conn) slotArg(arg []byte, invalid string) (int64, bool) {
	n, ok := respwire.Int(arg)
	switch {
	case !ok:
		c.out = respwire.AppendError(c.out, string(errNotInt))
	case n < 0 || n >= slots:
		c.out = respwire.AppendError(c.out, invalid)
		ok = false
	}
	return n, ok
}

// knows reports whether a node's name is that of this one, the only one.
func (c *conn) knows(node []byte) bool {
	if string(node) == c.door.id() {
		return true
	}
	c.out = respwire.AppendError(c.out, "ERR Unknown node "+clip(node, 128))
	return false
}

// runClusterReplicas answers that this node has none.
func runClusterReplicas(c *conn, args [][]byte) {
	if c.knows(args[2]) {
		runEmptyArray(c, args)
	}
}

// runClusterFailures answers that nobody has reported this node.
func runClusterFailures(c *conn, args [][]byte) {
	if c.knows(args[2]) {
		c.zero()
	}
}

func runClusterCount(c *conn, args [][]byte) {
	slot, ok := c.slotArg(args[2], "ERR Invalid slot")
	if !ok {
		return
	}
	n := int64(0)
	err := c.walk(func(k []byte) bool {
		if int64(slotOf(k)) == slot {
			n++
		}
		return true
	})
	if err != nil {
		c.fail(c.info.command, err)
		return
	}
	c.out = respwire.AppendInteger(c.out, n)
}

func runClusterKeys(c *conn, args [][]byte) {
	const invalid = "ERR Invalid slot or number of keys"
	limit, limited := respwire.Int(args[3])
	switch _, ok := respwire.Int(args[2]); {
	case !ok || !limited:
		c.out = respwire.AppendError(c.out, string(errNotInt))
		return
	case limit < 0:
		c.out = respwire.AppendError(c.out, invalid)
		return
	}
	slot, ok := c.slotArg(args[2], invalid)
	if !ok {
		return
	}
	var keys [][]byte
	err := c.walk(func(k []byte) bool {
		if int64(slotOf(k)) == slot && int64(len(keys)) < limit {
			keys = append(keys, k)
		}
		return int64(len(keys)) < limit
	})
	if err != nil {
		c.fail(c.info.command, err)
		return
	}
	c.bulks(keys)
}

// bulks answers with an array of strings.
func (c *conn) bulks(bs [][]byte) {
	c.out = respwire.AppendArray(c.out, len(bs))
	for _, b := range bs {
		c.out = respwire.AppendBulk(c.out, b)
	}
}

// slotOf returns the hash slot of a key: of what stands between its first braces, where there is something.
func slotOf(key []byte) uint16 {
	if i := bytes.IndexByte(key, '{'); i >= 0 {
		if j := bytes.IndexByte(key[i+1:], '}'); j > 0 {
			key = key[i+1 : i+1+j]
		}
	}
	var crc uint16
	for _, b := range key {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc % slots
}
