// Command grpc measures what a gRPC Get costs: hearth, through authentication, limits, metering and lookup, beside a
// bare grpc-go server whose handler does nothing. Servers take turns in each round; figures are medians. The unit is the
// server's CPU time for one call, since the load generator (h2load) is often slower than the server.
package main

import (
	"bufio"
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

	"golang.org/x/sys/unix"
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
	args := []string{"-D", strconv.Itoa(seconds), "--warm-up-time", warmUp, "-c", strconv.Itoa(sh.conns), "-m", strconv.Itoa(sh.streams), "-d", body,
		"-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "cache: " + cacheName, "-H", "authorization: " + s.token,
		scheme + "://" + s.addr + s.method}
	r, err := s.watch(pinned(1, "h2load", args...))
	if err != nil {
		return result{}, err
	}
	// h2load counts a stream that ended, whatever its gRPC status was.
	if err := s.check(); err != nil {
		return result{}, fmt.Errorf("after the load: %w", err)
	}
	return r, nil
}

// warmUp is what h2load does before the time that counts: connections are made, and handshakes are over.
const warmUp = "300ms"

// watch runs h2load, and looks at the server's clock where h2load says that the main part begins and ends: what it counts are
// the calls of that part.
func (s *server) watch(h2load *exec.Cmd) (result, error) {
	out, err := h2load.StdoutPipe()
	if err != nil {
		return result{}, err
	}
	h2load.Stderr = h2load.Stdout
	if err := h2load.Start(); err != nil {
		return result{}, err
	}
	var used, took time.Duration
	var began time.Time
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "Main benchmark duration is started"):
			used, began = s.cpu(), time.Now()
		case strings.HasPrefix(line, "Main benchmark duration is over"):
			used, took = s.cpu()-used, time.Since(began)
		default:
			said.WriteString(line + "\n")
		}
	}
	if err := h2load.Wait(); err != nil {
		return result{}, fmt.Errorf("h2load: %v\n%s", err, said.String())
	}
	m := succeeded.FindStringSubmatch(said.String())
	if m == nil {
		return result{}, fmt.Errorf("h2load: some calls failed\n%s", said.String())
	}
	calls, _ := strconv.ParseFloat(m[1], 64)
	if calls == 0 || took == 0 {
		return result{}, fmt.Errorf("h2load: no calls\n%s", said.String())
	}
	return result{used.Seconds() * 1e6 / calls, calls / took.Seconds()}, nil
}

// cpu returns the processor time that a server has used, by the kernel's clock of that process.
func (s *server) cpu() time.Duration {
	const scheduled = 2 // CPUCLOCK_SCHED: what the scheduler has counted, in nanoseconds, and not in ticks
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^s.process.Process.Pid<<3|scheduled), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
