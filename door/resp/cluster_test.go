package resp

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/hearthcache/hearth/test/await"
)

// clusterServer starts the oracle as a cluster of one node that owns all slots.
func clusterServer(t testing.TB) string {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command("redis-server", "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--dir", t.TempDir(), "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(freePort(t)))
	start(t, cmd)
	addr := awaitPort(t, port)
	c := dial(t, addr)
	if got := c.do("CLUSTER", "ADDSLOTSRANGE", "0", "16383"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	await.That(t, "the cluster is up", func() bool { return strings.Contains(c.do("CLUSTER", "INFO"), "cluster_state:ok") })
	return addr
}

// What a node that owns all slots says is what a cluster's server says.
func TestCluster(t *testing.T) {
	ours, theirs := dial(t, serve(t)), dial(t, clusterServer(t))
	call := func(line string) (a, b string) {
		words := strings.Fields(strings.ReplaceAll(line, "''", "\x01"))
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "\x01", "")
		}
		return ours.do(words...), theirs.do(words...)
	}
	exact := func(lines ...string) {
		t.Helper()
		for _, l := range lines {
			if a, b := call(l); a != b {
				t.Errorf("%s answers %.300q, redis-server %.300q", l, a, b)
			}
		}
	}

	exact("CLUSTER", "CLUSTER NOPE", "CLUSTER KEYSLOT", "CLUSTER KEYSLOT a b", "CLUSTER KEYSLOT a", "CLUSTER KEYSLOT {a}b", "CLUSTER KEYSLOT {}b", "CLUSTER KEYSLOT {a", "CLUSTER KEYSLOT {{a}}",
		"CLUSTER KEYSLOT ''", "CLUSTER SLOTS x", "CLUSTER SHARDS x", "CLUSTER NODES x", "CLUSTER INFO x", "CLUSTER MYID x", "CLUSTER LINKS x", "CLUSTER LINKS",
		"CLUSTER COUNTKEYSINSLOT", "CLUSTER COUNTKEYSINSLOT x", "CLUSTER COUNTKEYSINSLOT -1", "CLUSTER COUNTKEYSINSLOT 16384", "CLUSTER COUNTKEYSINSLOT 16383",
		"CLUSTER COUNTKEYSINSLOT 99999999999", "CLUSTER GETKEYSINSLOT 1", "CLUSTER GETKEYSINSLOT x 1", "CLUSTER GETKEYSINSLOT 1 x", "CLUSTER GETKEYSINSLOT -1 1",
		"CLUSTER GETKEYSINSLOT 16384 1", "CLUSTER GETKEYSINSLOT 1 -1", "CLUSTER GETKEYSINSLOT 1 5", "CLUSTER REPLICAS", "CLUSTER REPLICAS nope", "CLUSTER SLAVES nope",
		"CLUSTER COUNT-FAILURE-REPORTS nope", "CLUSTER COUNT-FAILURE-REPORTS")
	exact("READONLY", "READWRITE", "ASKING", "READONLY x", "READWRITE x", "ASKING x", "MULTI", "READONLY", "READWRITE", "ASKING", "EXEC")
	exact("SELECT 0", "SELECT x", "SET {a}1 v", "SET {a}2 w", "MGET {a}1 {a}2 {a}3", "DEL {a}1 {a}2", "CLUSTER COUNTKEYSINSLOT 15495",
		"SET {a}1 v", "CLUSTER COUNTKEYSINSLOT 15495", "CLUSTER GETKEYSINSLOT 15495 10", "CLUSTER GETKEYSINSLOT 15495 0", "WAIT 0 0", "SPUBLISH a x", "PUBSUB SHARDCHANNELS", "PUBSUB SHARDNUMSUB a")
}
