package test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/redis/go-redis/v9"
)

const (
	crowdOfSDK   = 250  // environments with Momento's SDK, each with half a dozen connections
	crowdOfRedis = 1750 // environments with go-redis, each with one
	crowdSize    = crowdOfSDK + crowdOfRedis
	crowdSpread  = 2 * time.Second
	crowdLatency = 100 * time.Millisecond // of the origin
)

// TestCrowd lets two thousand environments come within two seconds, some with the published Momento SDK and the others
// with go-redis, neither of which knows anything of collapsed misses. All want one item.
func TestCrowd(t *testing.T) {
	var loads atomic.Int64
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		loads.Add(1)
		time.Sleep(crowdLatency) // the origin takes its time
		fmt.Fprint(w, "loaded")
	}))
	defer source.Close()
	s := start(t, "--origin-allow", "127.0.0.0/8")
	nodes, rdbs := s.sdkCrowd(t), s.redisCrowd(t)

	play := func(cache, mode string, settings ...string) (int64, *crowdResult) {
		t.Helper()
		s.admin(t, "cache", "create", cache)
		if len(settings) > 0 {
			s.admin(t, append([]string{"cache", "set", cache}, settings...)...)
		}
		nodes.play(t, cache, "warm", source.URL)
		for _, r := range rdbs {
			r.open(t, cache)
		}
		loads.Store(0)
		var byRedis crowdResult
		done := make(chan struct{})
		go func() {
			defer close(done)
			byRedis = playRedis(rdbs, mode, source.URL)
		}()
		all := nodes.play(t, cache, mode, source.URL)
		<-done
		sdk := all.percentile(0.99)
		t.Logf("%s: %d loads; p99 %.1f ms by Momento's SDK, %.1f ms by go-redis", cache, loads.Load(), sdk, byRedis.percentile(0.99))
		all.add(&byRedis)
		if len(all.Errors) > 0 || len(all.Took) != crowdSize {
			t.Errorf("%s: %d of %d environments answered; errors: %v", cache, len(all.Took), crowdSize, all.Errors)
		}
		return loads.Load(), all
	}

	if n, _ := play("local", "local"); n != crowdSize {
		t.Errorf("%d environments that share nothing loaded the item %d times", crowdSize, n)
	}
	aside, _ := play("aside", "aside")
	if aside < 2 {
		t.Errorf("plain read-aside loaded the item %d times: what follows proves nothing", aside)
	}
	if n, r := play("collapse", "aside", "collapse=on"); n != 1 || r.Hits != crowdSize-1 {
		t.Errorf("with collapsed misses: %d loads, %d hits", n, r.Hits)
	}
	if n, r := play("origin", "get", "origin="+source.URL+"/{key}"); n != 1 || r.Hits != crowdSize {
		t.Errorf("with an origin: %d loads, %d hits", n, r.Hits)
	}
}

// admin runs a command of the binary against the server.
func (s *server) admin(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, args...)
	if code != 0 {
		t.Fatalf("hearth %v: %s", args, errs)
	}
	return out
}

// crowdResult is what became of environments.
type crowdResult struct {
	Hits, Loads int
	Took        []float64 // milliseconds, from the call to the value
	Errors      []string
}

func (r *crowdResult) add(o *crowdResult) {
	r.Hits, r.Loads, r.Took, r.Errors = r.Hits+o.Hits, r.Loads+o.Loads, append(r.Took, o.Took...), append(r.Errors, o.Errors...)
}

func (r *crowdResult) percentile(p float64) float64 {
	if len(r.Took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.Took))
	return sorted[int(p*float64(len(sorted)-1))]
}

// sdkCrowd is a Node.js process with many clients.
type sdkCrowd struct {
	in  io.Writer
	out *bufio.Reader
}

func (s *server) sdkCrowd(t *testing.T) *sdkCrowd {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Listen)
	cmd := exec.Command("node", "crowd.mjs", host, port, fmt.Sprint(crowdOfSDK))
	cmd.Dir = "node"
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := &syncBuffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Logf("node: %v\n%s", err, said)
		}
	})
	c := &sdkCrowd{in, bufio.NewReader(out)}
	if line, err := c.out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("node said %q, %v\n%s", line, err, said)
	}
	return c
}

func (c *sdkCrowd) play(t *testing.T, cache, mode, origin string) *crowdResult {
	t.Helper()
	fmt.Fprintln(c.in, cache, mode, origin, crowdSpread.Milliseconds())
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var r crowdResult
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return &r
}

// redisEnvironment is an environment with a connection of its own.
type redisEnvironment struct {
	addr string
	*redis.Client
}

func (s *server) redisCrowd(t *testing.T) (all []*redisEnvironment) {
	for range crowdOfRedis {
		e := &redisEnvironment{addr: s.RESP}
		t.Cleanup(func() {
			if e.Client != nil {
				e.Close()
			}
		})
		all = append(all, e)
	}
	return all
}

// open connects to a cache.
func (e *redisEnvironment) open(t *testing.T, cache string) {
	t.Helper()
	if e.Client != nil {
		e.Close()
	}
	e.Client = redis.NewClient(&redis.Options{Addr: e.addr, Username: cache, Password: "none", PoolSize: 1, ReadTimeout: 20 * time.Second})
	if err := e.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func playRedis(all []*redisEnvironment, mode, origin string) (sum crowdResult) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, e := range all {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * crowdSpread / time.Duration(len(all)))
			r := e.readAside(mode, origin)
			mu.Lock()
			defer mu.Unlock()
			sum.add(&r)
		})
	}
	wg.Wait()
	return sum
}

func (e *redisEnvironment) readAside(mode, origin string) (r crowdResult) {
	ctx, begun := context.Background(), time.Now()
	took := func() { r.Took = []float64{float64(time.Since(begun)) / float64(time.Millisecond)} }
	if mode == "local" {
		if _, err := loadOver(origin); err != nil {
			r.Errors = append(r.Errors, err.Error())
		}
		took()
		return r
	}
	v, err := e.Get(ctx, "hot").Result()
	switch {
	case err == nil && v == "loaded":
		r.Hits++
		took()
	case err == redis.Nil && mode == "aside":
		r.Loads++
		if v, err = loadOver(origin); err == nil {
			took()
			err = e.Set(ctx, "hot", v, time.Minute).Err()
		}
		if err != nil {
			r.Errors = append(r.Errors, err.Error())
		}
	default:
		r.Errors = append(r.Errors, fmt.Sprintf("GET = %q, %v", v, err))
	}
	return r
}

func loadOver(url string) (string, error) {
	r, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), err
}

// crowdReport is what `hearth crowd -o json` prints.
type crowdReport struct {
	Report struct {
		Results []crowdStrategy
	}
	Bills []struct{ Strategy, Origin, Total string } `json:"cost_per_million_invocations"`
}

type crowdStrategy struct {
	Strategy, Skipped, Error  string
	Invocations, Environments int
	Reads, Errors             int
	OriginLoads               int `json:"origin_loads"`
	LaunchLoads               int `json:"launch_loads"`
	Wanted                    int `json:"items_wanted"`
	LocalHits                 int `json:"local_hits"`
	SharedHits                int `json:"shared_hits"`
	CallerLoads               int `json:"caller_loads"`
	Latency, Connect          struct {
		P99 int64 `json:"p99_nanos"`
	}
}

func crowd(t *testing.T, s *server, args ...string) (r crowdReport, stderr string) {
	t.Helper()
	return crowdWith(t, s, nil, args...)
}

func crowdWith(t *testing.T, s *server, env []string, args ...string) (r crowdReport, stderr string) {
	t.Helper()
	env = append(env, "HEARTH_ENDPOINT="+s.Listen)
	out, stderr, code := hearth(t, env, append([]string{"crowd", "-o", "json"}, args...)...)
	if code != 0 {
		t.Fatalf("hearth crowd %v: %s", args, stderr)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return r, stderr
}

// TestCrowdCommand runs the command as a newcomer does, over gRPC and over RESP, with an S3 server behind its origin.
func TestCrowdCommand(t *testing.T) {
	s := start(t, "--origin-allow", "127.0.0.0/8")
	bucket := httptest.NewServer(s3With(t, "crowd", 40))
	defer bucket.Close()
	plot := filepath.Join(t.TempDir(), "crowd.svg")
	for _, args := range [][]string{
		{"-n", "150", "--spread", "300ms", "--plot", plot},
		{"-n", "150", "--spread", "300ms", "--resp", s.RESP, "--keys", "30", "--origin", bucket.URL + "/crowd/{key}"},
	} {
		r, progress := crowd(t, s, args...)
		if len(r.Report.Results) != 4 || len(r.Bills) != 4 || !strings.Contains(progress, "loads from the origin") {
			t.Fatalf("%d results, %d bills; progress:\n%s", len(r.Report.Results), len(r.Bills), progress)
		}
		for _, one := range r.Report.Results {
			one.check(t)
		}
	}
	if svg, err := os.ReadFile(plot); err != nil || !strings.Contains(string(svg), "hearth, collapsed misses") {
		t.Errorf("the chart: %v", err)
	}
	if left := s.admin(t, "cache", "list"); strings.Contains(left, "crowd") {
		t.Errorf("the crowd has left a cache:\n%s", left)
	}
}

func (r *crowdStrategy) check(t *testing.T) {
	t.Helper()
	if r.Errors != 0 || r.Skipped != "" || r.Environments < 150 || r.Reads != r.LocalHits+r.SharedHits+r.CallerLoads || r.Latency.P99 <= 0 {
		t.Errorf("%+v", r)
	}
	switch r.Strategy {
	case "local":
		if r.LaunchLoads < 150 || r.SharedHits != 0 || r.Connect.P99 != 0 {
			t.Errorf("%+v", r)
		}
	case "collapse", "origin":
		if r.LaunchLoads != 1 || r.OriginLoads != r.Wanted || (r.CallerLoads == 0) != (r.Strategy == "origin") || r.Connect.P99 == 0 {
			t.Errorf("%+v", r)
		}
	}
}

// s3With returns an S3 server with a bucket of items that anybody may read.
func s3With(t *testing.T, bucket string, items int) http.Handler {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	for i := range items {
		text := fmt.Sprintf("object %d of the bucket", i)
		if _, err := backend.PutObject(bucket, fmt.Sprint("item-", i), nil, strings.NewReader(text), int64(len(text)), nil); err != nil {
			t.Fatal(err)
		}
	}
	return gofakes3.New(backend).Server()
}

// TestCrowdOverDynamoDB has a DynamoDB table behind the crowd's origin, whose items the environments then have.
func TestCrowdOverDynamoDB(t *testing.T) {
	s := start(t, "--origin-allow", "127.0.0.0/8")
	items := map[string]string{}
	for i := range 21 {
		items[fmt.Sprint("sku#item-", i)] = fmt.Sprintf("item %d of the table", i)
	}
	env := []string{"AWS_ENDPOINT_URL_DYNAMODB=" + startDynamoDB(t, "prices", "pk", items), "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret"}
	r, _ := crowdWith(t, s, env, "-n", "150", "--spread", "300ms", "--keys", "20", "--origin", "dynamodb://prices/pk/sku#{key}?value=body", "--priced-as", "dynamodb")
	if len(r.Report.Results) != 4 {
		t.Fatalf("%+v", r)
	}
	for _, one := range r.Report.Results {
		one.check(t)
	}
	// A table that is not there fails every load, and the crowd says so.
	r, _ = crowdWith(t, s, env, "figure", "--strategy", "local", "--origin", "dynamodb://nowhere/pk/{key}")
	if one := r.Report.Results[0]; one.Errors == 0 || !strings.Contains(one.Error, "the origin answered 502") {
		t.Errorf("%+v", one)
	}
}

// TestCrowdWithoutAnOrigin: a hearth that may not reach the origin is told of, and the other strategies are compared.
func TestCrowdWithoutAnOrigin(t *testing.T) {
	s := start(t)
	r, _ := crowd(t, s, "figure")
	if len(r.Report.Results) != 4 || len(r.Bills) != 3 {
		t.Fatalf("%+v", r)
	}
	for i, want := range []int{3, 1, 1} {
		if one := r.Report.Results[i]; one.OriginLoads != want || one.Environments != 3 || one.LocalHits != 2 {
			t.Errorf("%+v", one)
		}
	}
	if last := r.Report.Results[3]; !strings.Contains(last.Skipped, "--origin-allow") {
		t.Errorf("%+v", last)
	}
}

// TestCrowdInVirtualTime needs no server.
func TestCrowdInVirtualTime(t *testing.T) {
	r, _ := crowd(t, &server{Listen: "127.0.0.1:1"}, "--model", "-n", "10000")
	want := map[string]int{"local": 10_000, "collapse": 1, "origin": 1}
	for _, one := range r.Report.Results {
		if n := want[one.Strategy]; n != 0 && one.LaunchLoads != n {
			t.Errorf("%s loaded the launched item %d times", one.Strategy, one.LaunchLoads)
		}
	}
	// The book prices a million loads from S3 at 0.40: each invocation with local caches only makes a few.
	if cost, err := strconv.ParseFloat(r.Bills[0].Origin, 64); err != nil || cost < 0.4 || cost > 1.2 {
		t.Errorf("%+v", r.Bills)
	}
}
