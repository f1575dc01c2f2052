package observe

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/hearthcache/hearth/engine"
)

// remoteWait is how long a scrape waits for the engine's servers.
const remoteWait = time.Second

// writeRemote writes how an engine's servers do, and reports whether they answer.
func writeRemote(ctx context.Context, w io.Writer, e engine.Remote) bool {
	ctx, cancel := context.WithTimeout(ctx, remoteWait)
	defer cancel()
	up := 0
	if e.Ready(ctx) == nil {
		up = 1
	}
	fmt.Fprintf(w, "# HELP hearth_servers_up Whether the servers of the engine answer.\n# TYPE hearth_servers_up gauge\nhearth_servers_up %d\n", up)
	f := e.Failures()
	for _, c := range []struct {
		name, help string
		n          uint64
	}{
		{"repeated", "Commands that were said to the servers again, each time.", f.Repeated},
		{"unreachable", "Commands that were given up since no server answered.", f.Unreachable},
		{"late", "Commands that were given up since the caller's time was over.", f.Late},
		{"full", "Commands that a server refused since its memory is full.", f.Full},
	} {
		fmt.Fprintf(w, "# HELP hearth_servers_%[1]s_total %[2]s\n# TYPE hearth_servers_%[1]s_total counter\nhearth_servers_%[1]s_total %[3]d\n",
			c.name, c.help, c.n)
	}
	if n, ok := e.(engine.Nearby); ok {
		writeNear(w, n.Near())
	}
	return up == 1
}

// writeNear writes what is kept in this process of what the servers have.
func writeNear(w io.Writer, n engine.Near) {
	fmt.Fprintf(w, "# HELP hearth_near_hits_total Reads that were answered from this process's memory.\n# TYPE hearth_near_hits_total counter\nhearth_near_hits_total %d\n", n.Hits)
	fmt.Fprintf(w, "# HELP hearth_near_items Items of the servers that are kept in this process.\n# TYPE hearth_near_items gauge\nhearth_near_items %d\n", n.Items)
	fmt.Fprintf(w, "# HELP hearth_near_bytes Memory that they take.\n# TYPE hearth_near_bytes gauge\nhearth_near_bytes %d\n", n.Bytes)
}
