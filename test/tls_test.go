package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hearthcache/hearth/certs"
	"github.com/hearthcache/hearth/test/await"
)

// TestNodeSDKOverTLS serves on port 443 with a certificate of a local authority, and drives it with the published
// Node.js SDK, v1 keys, v2 keys and disposable tokens, under the names that the SDK derives. The names lead to this
// machine in a mount namespace of the test's own: the machine's hosts file stays as it is.
func TestNodeSDKOverTLS(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: port 443 and a mount namespace")
	}
	const domain = "hearth.test"
	data := t.TempDir()
	s := &server{Listen: "127.0.0.1:443", RESP: freeAddress(t), Memcache: freeAddress(t), Admin: freeAddress(t), domain: domain,
		ca: filepath.Join(data, "tls", "ca.pem")}
	s.run(t, "--auth", "--data", data, "--tls-self-signed", domain)
	t.Cleanup(func() { s.stop(t) })

	hosts := filepath.Join(t.TempDir(), "hosts")
	lines := "127.0.0.1 localhost\n"
	for _, name := range certs.Hosts(domain) {
		lines += "127.0.0.1 " + name + "\n"
	}
	if err := os.WriteFile(hosts, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	named := func(env []string, name string, args ...string) string {
		t.Helper()
		quoted := fmt.Sprintf("mount --bind %s /etc/hosts && exec \"$@\"", hosts)
		cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"-m", "bash", "-c", quoted, "bash", name}, args...)...)
		cmd.Dir = "node"
		cmd.Env = append(os.Environ(), env...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, stderr.String())
		}
		return strings.TrimSpace(string(out))
	}

	cli := []string{"MOMENTO_API_KEY=" + s.rootKey(t), "HEARTH_CA=" + s.ca, "HEARTH_CONFIG="}
	v1 := named(cli, binary, "key", "create", "--super")
	v2 := named(cli, binary, "key", "create", "--super", "--form", "v2")
	// The last one replaces the roots of a machine that has set it for its own sake.
	named([]string{"NODE_EXTRA_CA_CERTS=" + s.ca, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=" + s.ca}, "node", "tls.mjs", domain, v1, v2, "over-tls")
}

// rootKey returns the key that the server printed at its first start.
func (s *server) rootKey(t *testing.T) string {
	t.Helper()
	key := ""
	await.That(t, "the root key is printed", func() bool { // the server answers before it has printed all that it has to say
		_, after, _ := strings.Cut(s.log.String(), "MOMENTO_API_KEY=")
		line, _, whole := strings.Cut(after, "\n")
		key = line
		return whole
	})
	return key
}
