// Command resp measures what requests over RESP and memcached's text protocol cost: hearth beside redis-server and
// memcached. Servers are pinned to one processor, the load to another, and take turns in each round; figures are
// medians of the server's CPU time for one operation, as the kernel's scheduler counts it, by what the load got answered.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

func main() {
	log.SetFlags(0)
	binary := flag.String("hearth", filepath.Join("..", "bin", "hearth"), "the server to measure")
	rounds := flag.Int("rounds", 5, "how often each server is measured")
	seconds := flag.Int("seconds", 2, "how long each measurement takes")
	keys := flag.Int("keys", 1_000_000, "how many keys of 20 bytes there are, with values of 100 bytes")
	only := flag.String("run", "", "only the rows whose name, such as \"RESP SET 1 MiB\" or \"publish 100\", this expression finds")
	gateway := flag.Bool("gateway", false, "measure a gateway before a redis-server instead")
	flag.Parse()
	expression, err := regexp.Compile(*only)
	b := &bench{rounds: *rounds, length: time.Duration(*seconds) * time.Second, keys: *keys, only: expression}
	run := b.run
	if *gateway {
		run = b.gateways
	}
	if err == nil {
		err = run(*binary)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type bench struct {
	rounds int
	length time.Duration
	keys   int
	only   *regexp.Regexp
}

// row is one line of the table: a load, and the servers it is put on, the peer first.
type row struct {
	name    string
	load    load
	servers []*server
	peer    load // what is put on the first server instead
}

func (b *bench) run(binary string) error {
	hearth, redis, memcached, err := startAll(binary)
	for _, s := range []*server{hearth, redis, memcached} {
		if s != nil {
			defer s.stop()
		}
	}
	if err != nil {
		return err
	}
	overRESP, overText := []*server{redis, hearth}, []*server{memcached, hearth.asMemcached()}
	if err := b.fill(overRESP, overText); err != nil {
		return err
	}
	rows := []row{
		{"RESP GET 100 B, 50 connections", load{conns: 50, pipeline: 1, write: respGet, keys: b.keys}, overRESP, load{}},
		{"RESP GET 100 B, 50 connections, pipeline 16", load{conns: 50, pipeline: 16, write: respGet, keys: b.keys}, overRESP, load{}},
		{"RESP GET 100 B, 1,000 connections", load{conns: 1000, pipeline: 1, write: respGet, keys: b.keys}, overRESP, load{}},
		{"RESP SET 100 B, 50 connections", load{conns: 50, pipeline: 1, write: respSet, keys: b.keys}, overRESP, load{}},
		{"RESP SET 100 B, 50 connections, pipeline 16", load{conns: 50, pipeline: 16, write: respSet, keys: b.keys}, overRESP, load{}},
		{"RESP SET 100 B, 1,000 connections", load{conns: 1000, pipeline: 1, write: respSet, keys: b.keys}, overRESP, load{}},
		{"memcached get 100 B, 50 connections", load{conns: 50, pipeline: 1, write: textGet, keys: b.keys}, overText, load{}},
		{"memcached get 100 B, 50 connections, pipeline 16", load{conns: 50, pipeline: 16, write: textGet, keys: b.keys}, overText, load{}},
		{"RESP GET 1 MiB, 8 connections", load{conns: 8, pipeline: 1, write: respGetLarge, keys: largeKeys}, overRESP, load{}},
		{"RESP SET 1 MiB, 8 connections", load{conns: 8, pipeline: 1, write: respSetLarge, keys: largeKeys}, overRESP, load{}},
		{"memcached get 1 MiB, 8 connections", load{conns: 8, pipeline: 1, write: textGetLarge, keys: largeKeys}, overText, load{}},
	}
	fmt.Println("| load | server | CPU µs/op | of the peer's | ops/s |")
	fmt.Println("|---|---|---|---|---|")
	for _, r := range rows {
		if !b.only.MatchString(r.name) {
			continue
		}
		if err := b.measure(r); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	if err := b.fanOut(overRESP); err != nil {
		return err
	}
	if b.only.MatchString("bulk fill") {
		if err := bulkFill(binary, 2*b.keys, b.rounds); err != nil {
			return err
		}
	}
	if !b.only.MatchString("idle") {
		return nil
	}
	return idle(hearth, redis, memcached)
}

// window is how long a load stays on one server before it is the next one's turn: the machine is slower and faster from
// one second to the next, for all that run then.
const window = 100 * time.Millisecond

// measure puts the load on each server in turn, and prints the medians, and that of the ratios to the peer in the same turns.
func (b *bench) measure(r row) error {
	if r.load.lead > 0 {
		for _, s := range r.servers[1:] {
			if _, _, _, err := r.load.run(s, r.load.lead); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	cpu, rate, ratio := map[*server][]float64{}, map[*server][]float64{}, map[*server][]float64{}
	for n := range int(time.Duration(b.rounds) * b.length / window) {
		for _, s := range r.servers {
			l := r.load
			if s == r.servers[0] && r.peer.conns > 0 {
				l = r.peer
			}
			ops, micros, took, err := l.run(s, window)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			cpu[s] = append(cpu[s], micros/float64(ops))
			rate[s] = append(rate[s], float64(ops)/took.Seconds())
			ratio[s] = append(ratio[s], cpu[s][n]/cpu[r.servers[0]][n])
		}
	}
	for _, s := range r.servers {
		fmt.Printf("| %s | %s | %.2f | %.2f | %.0f |\n", r.name, s.name, median(cpu[s]), median(ratio[s]), median(rate[s]))
	}
	return nil
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// idle prints what a connection that says nothing costs each server.
func idle(servers ...*server) error {
	fmt.Println("\n| 10,000 idle connections | KiB of RSS each |\n|---|---|")
	for _, s := range servers {
		before := s.rss()
		conns, err := dialMany(s.addr, 10_000)
		if err != nil {
			return err
		}
		time.Sleep(time.Second) // accepted, and settled
		fmt.Printf("| %s | %.2f |\n", s.name, float64(s.rss()-before)/10_000/1024)
		closeAll(conns)
	}
	return nil
}

// tool returns a program's path, or the error that says which Debian package has it.
func tool(name, pkg string) (string, error) {
	for _, dir := range []string{"/usr/bin", "/usr/local/bin"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing: apt-get install %s", name, pkg)
}
