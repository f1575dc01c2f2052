package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// output runs a program in a folder and returns what it prints.
func output(t *testing.T, dir string, env []string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestComposeFile(t *testing.T) {
	const dir = "../deploy/compose"
	env := []string{"VALKEY_PASSWORD=a", "GRAFANA_PASSWORD=b"}
	out, err := output(t, dir, env, "docker-compose", "-f", "compose.yml", "config", "--services")
	if err != nil {
		t.Fatalf("compose.yml: %v\n%s", err, out)
	}
	services := strings.Fields(out)
	slices.Sort(services)
	want := "gateway-1 gateway-2 gateway-3 grafana prometheus valkey-1 valkey-2 valkey-3 valkey-4 valkey-5 valkey-6 valkey-cluster"
	if got := strings.Join(services, " "); got != want {
		t.Errorf("services: %s, want %s", got, want)
	}
	if _, err = output(t, dir, env[:1], "docker-compose", "-f", "compose.yml", "config", "--quiet"); err == nil {
		t.Error("compose.yml is valid without a password for Grafana")
	}
	text, err := os.ReadFile(filepath.Join(dir, "compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	mounts := 0
	for line := range strings.Lines(string(text)) {
		path, _, mounted := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "- "), ":/")
		if !mounted || !strings.HasPrefix(path, ".") {
			continue
		}
		mounts++
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Errorf("compose.yml mounts %v", err)
		}
	}
	if mounts < 5 {
		t.Errorf("found %d mounts of files in compose.yml", mounts)
	}
}

// The gateways are started as compose and chart say, but for their servers: every flag and variable must be one.
func TestDeployedFlagsExist(t *testing.T) {
	help, err := output(t, ".", nil, binary, "serve", "--help")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../deploy/compose/compose.yml", "../deploy/chart/templates/deployment.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			word, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "- "), "=")
			name, _, _ := strings.Cut(word, ":")
			if strings.HasPrefix(name, "HEARTH_") && !strings.Contains(help, "$"+name) {
				t.Errorf("%s sets %s, which serve does not know", file, name)
			}
			if strings.HasPrefix(word, "--") && strings.HasSuffix(file, ".yaml") && !strings.Contains(help, word) {
				t.Errorf("%s passes %s, which serve does not know", file, word)
			}
		}
	}
}

func TestAlertRules(t *testing.T) {
	if out, err := output(t, "../deploy", nil, "promtool", "check", "rules", "prometheus/alerts.yml"); err != nil {
		t.Errorf("alerts.yml: %v\n%s", err, out)
	}
	if out, err := output(t, "../deploy", nil, "promtool", "check", "config", "--syntax-only", "compose/prometheus/prometheus.yml"); err != nil {
		t.Errorf("prometheus.yml: %v\n%s", err, out)
	}
}

func TestChart(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "chartlint")
	if out, err := output(t, "chartlint", nil, "go", "build", "-o", tool, "."); err != nil {
		t.Fatalf("building chartlint: %v\n%s", err, out)
	}
	other := filepath.Join(t.TempDir(), "other.yaml")
	err := os.WriteFile(other, []byte(`
valkey: {addrs: ["cache.example:6379"], existingSecret: valkey, user: hearth, tls: true}
tls: {existingSecret: certificate}
endpoint: cache.example
ports: {resp: 0, memcache: 11211}
autoscaling: {enabled: false}
podAnnotations: {a: b}
nodeSelector: {disk: fast}
tolerations: [{key: cache, operator: Exists}]
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := output(t, ".", nil, tool, "../deploy/chart", other); err != nil {
		t.Errorf("the chart: %v\n%s", err, out)
	}

	broken := t.TempDir()
	if err := os.CopyFS(broken, os.DirFS("../deploy/chart")); err != nil {
		t.Fatal(err)
	}
	service := filepath.Join(broken, "templates", "service.yaml")
	if err := os.WriteFile(service, []byte("apiVersion: v1\nkind: Service\nmetadata: {{ .Values.none.such }}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := output(t, ".", nil, tool, broken); err == nil {
		t.Errorf("a broken chart passes:\n%s", out)
	}
}
