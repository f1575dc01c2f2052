// Command grpc measures what a gRPC Get costs: hearth, through authentication, limits, metering and lookup, beside a
// bare grpc-go server whose handler does nothing. Servers take turns in each round; figures are medians. The unit is the
// server's CPU time for one call, since the load generator (h2load) is often slower than the server.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// shape is how many connections and streams are used at once.
type shape struct{ conns, streams int }

// row begins the line of the table for s.
func (sh shape) row(s *server) string {
	return fmt.Sprintf("%d × %d | %s", sh.conns, sh.streams, s.name)
}

// result is one run of the load generator.
type result struct{ cpuMicros, perSecond float64 }

func main() {
	log.SetFlags(0)
	binary := flag.String("hearth", filepath.Join("..", "bin", "hearth"), "the server to measure")
	rounds := flag.Int("rounds", 5, "how often each server is measured")
	seconds := flag.Int("seconds", 3, "how long each measurement takes")
	only := flag.String("run", "", "only the shapes and servers whose row, such as \"10 × 10 | hearth, TLS\", this expression finds")
	serve := flag.String("serve", "", "used by itself: serve grpc-go on this address")
	secured := flag.Bool("tls", false, "used by itself: with TLS")
	flag.Parse()
	if *serve != "" {
		log.Fatal(serveBaseline(*serve, *secured))
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	expression, err := regexp.Compile(*only)
	if err == nil {
		err = measure(dir, *binary, expression, *rounds, *seconds)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func measure(dir, binary string, only *regexp.Regexp, rounds, seconds int) error {
	servers, err := startAll(dir, binary)
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	if err != nil {
		return err
	}
	fmt.Println("| connections × streams | server | CPU µs per call | of grpc-go | calls/s |")
	fmt.Println("|---|---|---|---|---|")
	for _, sh := range []shape{{1, 100}, {10, 10}, {50, 1}} {
		results := map[string][]result{}
		chosen := slices.DeleteFunc(slices.Clone(servers), func(s *server) bool { return !only.MatchString(sh.row(s)) })
		if len(chosen) == 0 {
			continue
		}
		for range rounds {
			for _, s := range chosen {
				r, err := s.load(dir, sh, seconds)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				results[s.name] = append(results[s.name], r)
			}
		}
		base := median(results[chosen[0].name], func(r result) float64 { return r.cpuMicros })
		for _, s := range chosen {
			cpu := median(results[s.name], func(r result) float64 { return r.cpuMicros })
			rate := median(results[s.name], func(r result) float64 { return r.perSecond })
			fmt.Printf("| %s | %.2f | %.2f | %.0f |\n", sh.row(s), cpu, cpu/base, rate)
		}
	}
	return nil
}

func median(rs []result, f func(result) float64) float64 {
	v := make([]float64, len(rs))
	for i, r := range rs {
		v[i] = f(r)
	}
	slices.SortFunc(v, cmp.Compare[float64])
	return v[len(v)/2]
}

// pinned runs a command on one processor where there are two or more.
func pinned(cpu int, name string, args ...string) *exec.Cmd {
	if runtime.NumCPU() < 2 {
		return exec.Command(name, args...)
	}
	return exec.Command("taskset", append([]string{"-c", strconv.Itoa(cpu), name}, args...)...)
}

var succeeded = regexp.MustCompile(`(\d+) succeeded, 0 failed, 0 errored`)

// load runs h2load against a server.
func (s *server) load(dir string, sh shape, seconds int) (result, error) {
	body := filepath.Join(dir, "body")
	if err := os.WriteFile(body, append([]byte{0, 0, 0, 0, byte(len(getRequest))}, getRequest...), 0o600); err != nil {
		return result{}, err
	}
	scheme := "http"
	if s.secured {
		scheme = "https"
	}
	args := []string{"-D", strconv.Itoa(seconds), "-c", strconv.Itoa(sh.conns), "-m", strconv.Itoa(sh.streams), "-d", body,
		"-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "cache: " + cacheName, "-H", "authorization: " + s.token,
		scheme + "://" + s.addr + s.method}
	before, begin := s.cpu(), time.Now()
	out, err := pinned(1, "h2load", args...).CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("h2load: %v\n%s", err, out)
	}
	used, took := s.cpu()-before, time.Since(begin)
	m := succeeded.FindSubmatch(out)
	if m == nil {
		return result{}, fmt.Errorf("h2load: some calls failed\n%s", out)
	}
	calls, _ := strconv.ParseFloat(string(m[1]), 64)
	if calls == 0 {
		return result{}, fmt.Errorf("h2load: no calls\n%s", out)
	}
	// h2load counts a stream that ended, whatever its gRPC status was.
	if err := s.check(); err != nil {
		return result{}, fmt.Errorf("after the load: %w", err)
	}
	return result{used.Seconds() * 1e6 / calls, calls / took.Seconds()}, nil
}

// cpu returns the processor time that a server has used.
func (s *server) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	const userTicks, systemTicks = 11, 12 // behind the command's name
	user, _ := strconv.Atoi(f[userTicks])
	system, _ := strconv.Atoi(f[systemTicks])
	return time.Duration(user+system) * (time.Second / 100)
}
