package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hearthcache/hearth/test/await"
)

// pebble starts an ACME authority that looks names up at a server of its own, where every name is 127.0.0.1, and
// validates on tlsPort. It returns the directory's URL and a client that trusts it.
func pebble(t *testing.T, tlsPort int) (string, *http.Client) {
	t.Helper()
	dir := t.TempDir()
	roots := files(t, dir, "localhost")
	dns, directory, management := freePort(t), freePort(t), freePort(t)
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": directory, "managementListenAddress": management,
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"),
		"httpPort": 1, "tlsPort": tlsPort, "ocspResponderURL": "", "externalAccountBindingRequired": false,
	}}
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pebble.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dnsserver", dns,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", freePort(t))
	background(t, "pebble", "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", dns)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	url := "https://" + directory + "/dir"
	await.That(t, "pebble starts", func() bool {
		resp, err := client.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	return url, client
}

func background(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join("..", ".cache", "bin", name), args...)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; `make deps` builds it", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestACME(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	directory, client := pebble(t, l.Addr().(*net.TCPAddr).Port)
	manager := NewACME(ACMEOptions{Domain: "hearth.test", Directory: directory, Cache: t.TempDir(), Client: client})
	tlsListener := tls.NewListener(l, Config(manager.GetCertificate, ACMEProtocol))
	go func() {
		for {
			c, err := tlsListener.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = c.(*tls.Conn).Handshake()
				c.Close()
			}()
		}
	}()

	check := func(name string, ok bool) {
		t.Helper()
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if (err == nil) != ok {
			t.Errorf("%s: %v; want ok %v", name, err, ok)
		}
		if err != nil {
			return
		}
		defer c.Close()
		leaf := c.ConnectionState().PeerCertificates[0]
		if err := leaf.VerifyHostname(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if leaf.CheckSignatureFrom(leaf) == nil || leaf.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm {
			t.Errorf("%s: the certificate is not the authority's", name)
		}
	}
	check("cache.hearth.test", true)
	check("control.hearth.test", true)
	check("cache.stranger.test", false)
}
