package test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hearthcache/hearth/test/await"
)

// aFleet is what `hearth fleet status -o json` tells.
type aFleet struct {
	Processes []struct {
		Name  string
		Pid   int
		Ports map[string]string
	}
}

// fleetUp starts a fleet in a folder, which ends with the test at the latest.
func fleetUp(t *testing.T, dir string, args ...string) (up aFleet, page string) {
	t.Helper()
	page, errs, code := hearth(t, nil, append([]string{"fleet", "up", "--dir", dir}, args...)...)
	if code != 0 {
		t.Fatalf("fleet up: %d %s\n%s", code, errs, page)
	}
	t.Cleanup(func() {
		if _, err := os.Stat(dir); err == nil {
			// The test's context has ended.
			if out, err := exec.Command(binary, "fleet", "down", "--dir", dir).CombinedOutput(); err != nil {
				t.Errorf("fleet down: %v %s", err, out)
			}
		}
	})
	out, errs, code := hearth(t, nil, "fleet", "status", "--dir", dir, "-o", "json")
	if code != 0 {
		t.Fatalf("fleet status: %d %s %s", code, out, errs)
	}
	if err := json.Unmarshal([]byte(out), &up); err != nil {
		t.Fatal(err)
	}
	return up, page
}

// gateway returns the address of a port of a gateway.
func (f *aFleet) gateway(t *testing.T, name, port string) string {
	t.Helper()
	for _, p := range f.Processes {
		if p.Name == name {
			return p.Ports[port]
		}
	}
	t.Fatalf("no %s in %+v", name, f)
	return ""
}

// Two gateways over three shards, as `fleet up` starts them: Momento's SDK and go-redis on both, and nothing left after.
func TestFleet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	up, page := fleetUp(t, dir, "--replicas", "0")
	one, two := up.gateway(t, "gateway-1", "listen"), up.gateway(t, "gateway-2", "listen")
	for _, addr := range []string{one, two, dir} {
		if !strings.Contains(page, addr) {
			t.Errorf("the page does not name %s:\n%s", addr, page)
		}
	}
	run := func(want string, args ...string) {
		t.Helper()
		out, errs, code := hearth(t, nil, args...)
		if code != 0 || strings.TrimSpace(out) != want && want != "" {
			t.Errorf("%v: %d %q %s", args, code, out, errs)
		}
	}
	run("", "cache", "create", "shared", "--endpoint", one)
	// The other gateway hears of the cache within a second.
	for end := time.Now().Add(time.Second); ; {
		_, errs, code := hearth(t, nil, "item", "set", "shared", "k", "v", "--endpoint", two)
		if code == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("a cache made through one gateway is unknown to the other: %s", errs)
		}
	}
	run("v", "item", "get", "shared", "k", "--endpoint", one)

	t.Run("go-redis", func(t *testing.T) { redisOnFleet(t, &up) })
	for _, gateway := range []string{one, two} {
		host, port := hostPort(t, gateway)
		t.Run("Momento", func(t *testing.T) { t.Log(node(t, "momento.mjs", host, port)) })
	}
	fleetWrongStates(t, dir)

	out, errs, code := hearth(t, nil, "fleet", "down", "--dir", dir)
	if code != 0 {
		t.Fatalf("fleet down: %s %s", out, errs)
	}
	up.isGone(t, dir)
	if _, errs, code = hearth(t, nil, "fleet", "down", "--dir", dir); code == 0 || !strings.Contains(errs, "no fleet") {
		t.Errorf("down without a fleet: %d %s", code, errs)
	}
}

// isGone checks that nothing of a fleet is left: folder, processes, ports.
func (f *aFleet) isGone(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if cwd, err := os.Readlink(link); err == nil && strings.HasPrefix(cwd, dir) {
			t.Errorf("%s runs on in %s", filepath.Dir(link), cwd)
		}
	}
	for _, p := range f.Processes {
		if err := syscall.Kill(p.Pid, 0); err == nil && !zombie(p.Pid) {
			t.Errorf("%s (%d) still runs", p.Name, p.Pid)
		}
		for _, addr := range p.Ports {
			if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
				c.Close()
				t.Errorf("%s still listens on %s", p.Name, addr)
			}
		}
	}
}

// A `fleet up` that is killed leaves what `fleet down` finds; one that is interrupted leaves nothing.
func TestFleetUpIsEnded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	for known, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGINT} {
		cmd := exec.Command(binary, "fleet", "up", "--dir", dir, "--replicas", "0", "--gateways", "4")
		said := &syncBuffer{}
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var up aFleet
		await.That(t, "so many processes of the fleet run", func() bool {
			b, err := os.ReadFile(filepath.Join(dir, "fleet.json"))
			return err == nil && json.Unmarshal(b, &up) == nil && len(up.Processes) >= known
		})
		_ = cmd.Process.Signal(sig)
		_ = cmd.Wait()
		if sig == syscall.SIGKILL {
			if b, err := os.ReadFile(filepath.Join(dir, "fleet.json")); err != nil || json.Unmarshal(b, &up) != nil {
				t.Fatalf("the state of a fleet whose start was killed: %q, %v", b, err)
			}
			if _, errs, code := hearth(t, nil, "fleet", "up", "--dir", dir); code == 0 || !strings.Contains(errs, "fleet down") {
				t.Errorf("up over what was left: %d %s", code, errs)
			}
			if out, errs, code := hearth(t, nil, "fleet", "down", "--dir", dir); code != 0 {
				t.Errorf("down: %d %s %s", code, out, errs)
			}
		} else if !strings.Contains(said.String(), "interrupted") {
			t.Errorf("an interrupted start said:\n%s", said)
		}
		up.isGone(t, dir)
	}
}

// zombie reports whether a process has ended and nobody has asked how.
func zombie(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && strings.Contains(string(b), ") Z ")
}

func redisOnFleet(t *testing.T, up *aFleet) {
	clients := [2]*redis.Client{}
	for i, name := range []string{"gateway-1", "gateway-2"} {
		clients[i] = redis.NewClient(&redis.Options{Addr: up.gateway(t, name, "resp")})
		defer clients[i].Close()
	}
	ctx := t.Context()
	a, b := clients[0], clients[1]
	pipe := a.Pipeline()
	for i := range 200 {
		pipe.Set(ctx, "k"+strconv.Itoa(i), i, time.Minute)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if got, err := b.Get(ctx, "k"+strconv.Itoa(i)).Int(); err != nil || got != i {
			t.Fatalf("k%d through the other gateway: %d, %v", i, got, err)
		}
	}
	for i := range 10 {
		if n, err := clients[i%2].Incr(ctx, "n").Result(); err != nil || n != int64(i+1) {
			t.Errorf("INCR %d: %d, %v", i, n, err)
		}
	}
	if _, err := a.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, "{t}h", "f", "v")
		p.LPush(ctx, "{t}l", "x", "y")
		return nil
	}); err != nil {
		t.Errorf("MULTI within a slot: %v", err)
	}
	if got, err := b.LRange(ctx, "{t}l", 0, -1).Result(); err != nil || strings.Join(got, "") != "yx" {
		t.Errorf("the list: %v, %v", got, err)
	}
	if err := a.Rename(ctx, "{x}a", "{y}b").Err(); err == nil || !strings.HasPrefix(err.Error(), "CROSSSLOT") {
		t.Errorf("RENAME over slots: %v", err)
	}
	if err := a.FlushDB(ctx).Err(); err != nil {
		t.Errorf("FLUSHDB: %v", err)
	}
	await.That(t, "the other gateway sees the flush", func() bool { return b.Exists(ctx, "k1", "n").Val() == 0 })
}

// fleetWrongStates is about calls that cannot be done; the fleet in dir runs on.
func fleetWrongStates(t *testing.T, dir string) {
	refused := func(word string, args ...string) {
		t.Helper()
		if _, errs, code := hearth(t, nil, append([]string{"fleet"}, args...)...); code == 0 || !strings.Contains(errs, word) {
			t.Errorf("fleet %v: %d %s; want an error with %q", args, code, errs, word)
		}
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("already", "up", "--dir", dir)
	refused("not empty", "up", "--dir", other)
	refused("no fleet", "status", "--dir", other)
	refused("no fleet", "down", "--dir", other)
	refused("--shards 0", "up", "--dir", filepath.Join(other, "x"), "--shards", "0")
	refused("--server-memory 1", "up", "--dir", filepath.Join(other, "x"), "--server-memory", "1")
	refused("nonsense", "up", "--dir", filepath.Join(other, "x"), "--origin-allow", "nonsense")
	if _, errs, code := hearth(t, []string{"PATH=" + other}, "fleet", "up", "--dir", filepath.Join(other, "x")); code == 0 || !strings.Contains(errs, "apt-get install") {
		t.Errorf("without a server's program: %d %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(other, "mine")); err != nil {
		t.Errorf("a file of the user's: %v", err)
	}
}
