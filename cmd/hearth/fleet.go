package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/hearthcache/hearth/fleet"
)

type fleetCommands struct {
	Up     fleetUp     `cmd:"" help:"Start gateways and a cluster of valkey-server or redis-server on this machine."`
	Down   fleetDown   `cmd:"" help:"Stop the fleet and remove its files."`
	Status fleetStatus `cmd:"" help:"Show the fleet's processes and whether they answer."`
}

// fleetFolder is where a fleet is: its state, logs and the servers' files.
type fleetFolder struct {
	Dir string `env:"HEARTH_FLEET_DIR" placeholder:"DIR" help:"Folder of the fleet, one fleet a folder. Default: hearth-fleet-<user id> in the folder for temporary files."`
}

func (f *fleetFolder) path() (string, error) {
	if f.Dir == "" {
		return filepath.Join(os.TempDir(), "hearth-fleet-"+strconv.Itoa(os.Getuid())), nil
	}
	return filepath.Abs(f.Dir)
}

type fleetUp struct {
	fleetFolder
	Gateways     int       `default:"2" help:"Number of gateways, 1 to 16."`
	Shards       int       `default:"3" help:"Shards of the cluster, 1 to 32."`
	Replicas     int       `default:"1" help:"Replicas of each shard, 0 to 4."`
	ServerMemory byteSize  `default:"256MiB" help:"Memory for the items of each server; the least recently used go first."`
	OriginAllow  []network `placeholder:"CIDR" help:"Networks that caches' origins may be in beside the public internet, such as 127.0.0.0/8 for this machine."`
}

func (c *fleetUp) check() error {
	check := func(flag string, n, least, most int) error {
		if n < least || n > most {
			return fmt.Errorf("%s %d: allowed are %d to %d", flag, n, least, most)
		}
		return nil
	}
	errs := errors.Join(check("--gateways", c.Gateways, 1, 16), check("--shards", c.Shards, 1, 32), check("--replicas", c.Replicas, 0, 4))
	if c.ServerMemory < serverMemoryMin {
		errs = errors.Join(errs, fmt.Errorf("--server-memory %d: allowed are %d (16MiB) and more", c.ServerMemory, serverMemoryMin))
	}
	return errs
}

// serverMemoryMin is what a server needs so that it does not evict what the gateways keep there.
const serverMemoryMin = 16 << 20

// Run starts the fleet; where that fails nothing of it stays.
func (c *fleetUp) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return usageError{err}
	}
	dir, err := c.path()
	if err != nil {
		return err
	}
	program, err := fleet.Program()
	if err != nil {
		return err
	}
	if err := freshFolder(dir); err != nil {
		return err
	}
	f := &fleetState{dir: dir}
	if err := f.save(); err != nil { // ahead of the first process, so that down finds them whatever becomes of this one
		return err
	}
	if err := c.start(ctx, f, program); err != nil {
		fmt.Println("stopping what was started")
		return errors.Join(err, f.stop())
	}
	f.summary(os.Stdout)
	return nil
}

func (c *fleetUp) start(ctx context.Context, f *fleetState, program string) error {
	fmt.Printf("starting %d × %s\n", c.Shards*(1+c.Replicas), filepath.Base(program))
	plan := fleet.Plan{Shards: c.Shards, Replicas: c.Replicas, Detach: true,
		Args: []string{"--maxmemory", strconv.FormatInt(int64(c.ServerMemory), 10), "--maxmemory-policy", "allkeys-lru"}}
	var mu sync.Mutex // guards what Began does
	plan.Began = func(s *fleet.Server) {
		mu.Lock()
		defer mu.Unlock()
		f.add("server-"+strconv.Itoa(len(f.Processes)+1), s)
		_ = f.save() // the last save tells whether it can be done
	}
	cluster, err := plan.Start(f.dir)
	if err != nil {
		return err
	}
	f.Processes = nil
	for i, s := range cluster.Servers {
		f.add("server-"+strconv.Itoa(i+1), s)
	}
	if err := f.save(); err != nil {
		return err
	}
	fmt.Printf("the cluster has %s, each with %s\n", count(c.Shards, "shard", "shards"), count(c.Replicas, "replica", "replicas"))
	for i := range c.Gateways {
		if err := f.startGateway(ctx, i, cluster.Addrs(), c.OriginAllow); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return nil
}

// The ports of a process, by what they are for.
const (
	portServer = "server"
	portMain   = "listen"
)

// gatewayPorts are the flags of a gateway's ports, with where the first gateway's are.
var gatewayPorts = []struct{ flag, first string }{
	{portMain, defaultListen}, {"resp", defaultRESP}, {"memcache", defaultMemcache}, {"admin", defaultAdmin},
}

// gatewayWait is how long a gateway may take to be ready.
const gatewayWait = 30 * time.Second

// startGateway starts a gateway and waits until it is ready. Its ports are the usual ones plus its number, or free ones
// where those are taken.
func (f *fleetState) startGateway(ctx context.Context, i int, servers []string, originAllow []network) error {
	name := "gateway-" + strconv.Itoa(i+1)
	args := []string{"serve", "--engine", "valkey", "--valkey-addrs", strings.Join(servers, ",")}
	for _, p := range prefixes(originAllow) {
		args = append(args, "--origin-allow", p.String())
	}
	ports := map[string]string{}
	for _, p := range gatewayPorts {
		addr, err := freeNear(p.first, i)
		if err != nil {
			return err
		}
		ports[p.flag] = addr
		args = append(args, "--"+p.flag, addr)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	logPath := filepath.Join(f.dir, name+".log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir = f.dir
	cmd.Stdout, cmd.Stderr = log, log
	// Settings of a server that the user runs elsewhere are not the fleet's.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "HEARTH_") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	p := newProcess(name, cmd.Process.Pid, ports)
	f.Processes = append(f.Processes, p)
	if err := f.save(); err != nil {
		return err
	}
	for end := time.Now().Add(gatewayWait); !p.answers(); time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if time.Now().After(end) || !p.alive() {
			said, _ := os.ReadFile(logPath)
			return fmt.Errorf("%s did not become ready; it said:\n%s", name, said)
		}
	}
	fmt.Printf("%s is ready on %s\n", name, ports[portMain])
	return nil
}

// freeNear returns an address of loopback i ports above a usual one, or a free one where that is taken.
func freeNear(usual string, i int) (string, error) {
	host, text, _ := net.SplitHostPort(usual)
	port, _ := strconv.Atoi(text)
	for _, try := range []int{port + i, 0} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(try)))
		if err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", errors.New("no port of loopback is free")
}

type fleetDown struct{ fleetFolder }

// Run stops the fleet.
func (c *fleetDown) Run() error {
	f, err := c.load()
	if err != nil {
		return err
	}
	if err := f.stop(); err != nil {
		return err
	}
	fmt.Printf("stopped %s and removed %s\n", count(len(f.Processes), "process", "processes"), f.dir)
	return nil
}

type fleetStatus struct {
	fleetFolder
	Output string `short:"o" default:"text" enum:"text,json" help:"How results are printed: text or json."`
}

// Run shows the fleet; it fails where a process of it does not answer.
func (c *fleetStatus) Run() error {
	f, err := c.load()
	if err != nil {
		return err
	}
	var silent []string
	for _, p := range f.Processes {
		p.Answers = p.answers()
		if !p.Answers {
			silent = append(silent, p.Name)
		}
	}
	if c.Output == "json" {
		if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
			return err
		}
	} else {
		f.table(os.Stdout)
	}
	if len(f.gateways()) == 0 {
		return fmt.Errorf("the fleet in %s has no gateway: its start goes on, or was ended; `hearth fleet down` stops what runs of it", f.dir)
	}
	if len(silent) > 0 {
		return fmt.Errorf("%s: no answer; the logs are in %s", strings.Join(silent, ", "), f.dir)
	}
	return nil
}

func (f *fleetState) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tPID\tADDRESS\tANSWERS")
	for _, p := range f.Processes {
		fmt.Fprintf(t, "%s\t%d\t%s\t%v\n", p.Name, p.Pid, p.address(), p.Answers)
	}
	_ = t.Flush()
	if len(f.gateways()) > 0 {
		fmt.Fprintln(w)
		f.doors(w)
	}
}

// doors prints where clients connect.
func (f *fleetState) doors(w io.Writer) {
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  GATEWAY\tMOMENTO SDKS, HTTP\tREDIS, VALKEY\tMEMCACHED\tMETRICS")
	for _, p := range f.gateways() {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\thttp://%s/metrics\n", p.Name, p.Ports["listen"], p.Ports["resp"], p.Ports["memcache"], p.Ports["admin"])
	}
	_ = t.Flush()
}

// summary prints how to use the fleet.
func (f *fleetState) summary(w io.Writer) {
	fmt.Fprint(w, "\nThe fleet is up. Every gateway serves the same caches:\n\n")
	f.doors(w)
	first, last := f.gateways()[0], f.gateways()[len(f.gateways())-1]
	fmt.Fprintf(w, `
  Create a cache through one and use it through another:

      hearth cache create prices --endpoint %[1]s
      hearth item set prices k v --endpoint %[1]s
      hearth item get prices k   --endpoint %[2]s

  Servers: %[3]s
  Logs:    %[4]s
  Stop:    hearth fleet down%[5]s
`, first.address(), last.address(), strings.Join(f.servers(), " "), f.dir, f.flag())
}

// answers reports whether a gateway is ready, or a server replies.
func (p *process) answers() bool {
	if addr := p.Ports[portServer]; addr != "" {
		reply, err := (&fleet.Server{Addr: addr}).Command("CLUSTER", "INFO")
		return err == nil && strings.Contains(reply, "cluster_state:ok")
	}
	resp, err := (&http.Client{Timeout: 2 * time.Second}).Get("http://" + p.address() + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
