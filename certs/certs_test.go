package certs

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// handshake connects to a server with the given certificate source and returns what the client saw.
func handshake(t *testing.T, get func(*tls.ClientHelloInfo) (*tls.Certificate, error), name string, roots *x509.CertPool) (tls.ConnectionState, error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", Config(get))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		if c, err := l.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: name, RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}})
	<-served
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	return c.ConnectionState(), nil
}

func pool(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", path)
	}
	return roots
}

func TestLocalCoversEveryName(t *testing.T) {
	dir := t.TempDir()
	l, err := NewLocal(dir, "hearth.test")
	if err != nil {
		t.Fatal(err)
	}
	roots := pool(t, l.AuthorityPath())
	check := func(name string, ok bool) {
		t.Helper()
		state, err := handshake(t, l.Certificate, name, roots)
		if (err == nil) != ok {
			t.Errorf("%s: %v; want ok %v", name, err, ok)
		}
		if err == nil && state.NegotiatedProtocol != "h2" {
			t.Errorf("%s: negotiated %q", name, state.NegotiatedProtocol)
		}
	}
	for _, name := range Hosts("hearth.test") {
		check(name, true)
	}
	check("localhost", true)
	check("127.0.0.1", true)
	check("cache.other.test", false)
}

func TestLocalAuthorityStays(t *testing.T) {
	dir := t.TempDir()
	first, err := NewLocal(dir, "hearth.test")
	if err != nil {
		t.Fatal(err)
	}
	roots := pool(t, first.AuthorityPath())
	second, err := NewLocal(dir, "hearth.test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t, second.Certificate, "cache.hearth.test", roots); err != nil {
		t.Errorf("after a restart the authority is another: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "ca-key.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the authority's key has mode %v, %v", info.Mode(), err)
	}
}

// files writes a fresh pair for a domain and returns its authority.
func files(t *testing.T, dir, domain string) *x509.CertPool {
	t.Helper()
	l, err := NewLocal(t.TempDir(), domain)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(l.cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := writePEM(filepath.Join(dir, "key.pem"), "PRIVATE KEY", key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writePEM(filepath.Join(dir, "cert.pem"), "CERTIFICATE", l.cert.Certificate[0], 0o644); err != nil {
		t.Fatal(err)
	}
	return pool(t, l.AuthorityPath())
}

func TestFilesFollowChanges(t *testing.T) {
	dir := t.TempDir()
	roots := files(t, dir, "one.test")
	f, err := NewFiles(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t, f.Certificate, "cache.one.test", roots); err != nil {
		t.Fatal(err)
	}

	roots = files(t, dir, "two.test")
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(filepath.Join(dir, "cert.pem"), later, later); err != nil {
		t.Fatal(err)
	}
	f.looked = time.Time{} // a second has passed
	if _, err := handshake(t, f.Certificate, "cache.two.test", roots); err != nil {
		t.Errorf("the new pair is not served: %v", err)
	}

	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("half a fi"), 0o644); err != nil {
		t.Fatal(err)
	}
	later = later.Add(time.Minute)
	if err := os.Chtimes(filepath.Join(dir, "cert.pem"), later, later); err != nil {
		t.Fatal(err)
	}
	f.looked = time.Time{}
	if _, err := handshake(t, f.Certificate, "cache.two.test", roots); err != nil {
		t.Errorf("a broken file took the last good pair away: %v", err)
	}
	if _, err := NewFiles(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "none.pem")); err == nil {
		t.Error("missing files were accepted")
	}
}
