package fleet

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Cluster is servers that form one cluster: first the primaries, then the replicas.
type Cluster struct{ Servers []*Server }

// slots is the number of hash slots of a cluster.
const slots = 16384

// Plan says what cluster to start.
type Plan struct {
	Shards   int
	Replicas int      // of each shard
	Args     []string // given to every server
	Detach   bool     // the servers outlive this process and its terminal

	// Began is called for each server's process as soon as there is one, from any goroutine; nil is not at all. One that
	// does not get its port ends, and another begins.
	Began func(*Server)
}

// StartCluster starts a cluster of shards, each with the given number of replicas, and waits until all of them agree.
// Files go into dir; further arguments are given to every server.
func StartCluster(dir string, shards, replicas int, args ...string) (*Cluster, error) {
	return Plan{Shards: shards, Replicas: replicas, Args: args}.Start(dir)
}

// Start starts the cluster and waits until all of its servers agree. Files go into dir.
func (p Plan) Start(dir string) (*Cluster, error) {
	c := &Cluster{Servers: make([]*Server, p.Shards*(1+p.Replicas))}
	err := c.each(func(i int) error {
		sub := filepath.Join(dir, strconv.Itoa(i))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return err
		}
		all := append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-config-file",
			"nodes.conf", "--repl-diskless-sync-delay", "0"}, p.Args...)
		s, err := start(sub, p.Detach, p.Began, all)
		c.Servers[i] = s
		return err
	})
	if err == nil {
		err = c.form(p.Shards, p.Replicas)
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// each does something for every server at once and returns the first error.
func (c *Cluster) each(do func(i int) error) error {
	errs := make([]error, len(c.Servers))
	var wg sync.WaitGroup
	for i := range c.Servers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = do(i)
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// form gives the primaries their slots, introduces all servers to the first, and ties replicas to their primaries.
func (c *Cluster) form(shards, replicas int) error {
	// An epoch can be given only to a server that knows no other yet.
	for i, s := range c.Servers {
		if _, err := s.Command("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
		if i < shards {
			from, to := slots*i/shards, slots*(i+1)/shards-1
			if _, err := s.Command("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)); err != nil {
				return err
			}
		}
	}
	first, port, _ := net.SplitHostPort(c.Servers[0].Addr)
	for _, s := range c.Servers[1:] {
		if _, err := s.Command("CLUSTER", "MEET", first, port); err != nil {
			return err
		}
	}
	if err := c.WaitOK(); err != nil || replicas == 0 {
		return err
	}
	for i, s := range c.Servers[shards:] {
		id, err := c.Servers[i%shards].Command("CLUSTER", "MYID")
		if err != nil {
			return err
		}
		if err := retry(func() error {
			_, err := s.Command("CLUSTER", "REPLICATE", id)
			return err
		}); err != nil {
			return err
		}
	}
	return c.WaitReplicas(shards)
}

func retry(do func() error) (err error) {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

// WaitOK waits until every running server knows all others and says that the cluster is whole.
func (c *Cluster) WaitOK() error {
	return retry(func() error {
		for _, s := range c.Servers {
			info, err := s.Command("CLUSTER", "INFO")
			if err != nil {
				return err
			}
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", len(c.Servers))) {
				return fmt.Errorf("the cluster did not form: %s says %s", s.Addr, info)
			}
		}
		return nil
	})
}

// WaitReplicas waits until as many replicas as there are servers beyond the shards follow their primaries, and every
// server knows them. A primary that ends before that takes its shard's items with it.
func (c *Cluster) WaitReplicas(shards int) error {
	return retry(func() error {
		following := 0
		for _, s := range c.Servers {
			info, err := s.Command("INFO", "replication")
			if err != nil {
				return err
			}
			if strings.Contains(info, "role:slave") && strings.Contains(info, "master_link_status:up") {
				following++
			}
			nodes, err := s.Command("CLUSTER", "NODES")
			if err != nil {
				return err
			}
			if strings.Count(nodes, "slave") < len(c.Servers)-shards {
				return fmt.Errorf("%s does not know all replicas yet", s.Addr)
			}
		}
		if want := len(c.Servers) - shards; following < want {
			return fmt.Errorf("%d of %d replicas follow their primaries", following, want)
		}
		return nil
	})
}

// Addrs returns the addresses of all servers.
func (c *Cluster) Addrs() []string {
	out := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		out[i] = s.Addr
	}
	return out
}

// Stop ends every server.
func (c *Cluster) Stop() {
	for _, s := range c.Servers {
		if s != nil {
			s.Kill()
		}
	}
}
