// Package certs finds the certificate that a TLS connection is answered with: from files that may change, from a local
// authority that it makes itself, or from an ACME authority. It knows nothing of doors or of what they serve.
package certs

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// Config returns the TLS configuration of a port that serves gRPC, gRPC-Web and HTTP/1.1 alike.
func Config(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: get,
		NextProtos:     append([]string{"h2", "http/1.1"}, protocols...),
		// An answer is of use when all of it is there, so its first records need not be small.
		DynamicRecordSizingDisabled: true,
	}
}

// reloadEvery bounds how often Files looks at its files; only handshakes make it look.
const reloadEvery = time.Second

// Files serves the certificate of two PEM files and follows their changes.
type Files struct {
	certPath, keyPath string

	mu      sync.Mutex // guards the rest
	cert    *tls.Certificate
	changed time.Time // the newer of both files' times when cert was read
	looked  time.Time
}

// NewFiles reads the files; it fails where they are not a matching pair.
func NewFiles(certPath, keyPath string) (*Files, error) {
	f := &Files{certPath: certPath, keyPath: keyPath}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// Certificate is a tls.Config's GetCertificate. Where changed files do not load, the last good pair goes on.
func (f *Files) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.looked) >= reloadEvery {
		f.looked = now
		if newest, err := f.newest(); err == nil && newest.After(f.changed) {
			_ = f.load()
		}
	}
	return f.cert, nil
}

func (f *Files) load() error {
	newest, err := f.newest()
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(f.certPath, f.keyPath)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", f.certPath, f.keyPath, err)
	}
	f.cert, f.changed = &cert, newest
	return nil
}

func (f *Files) newest() (time.Time, error) {
	var newest time.Time
	for _, path := range []string{f.certPath, f.keyPath} {
		info, err := os.Stat(path)
		if err != nil {
			return newest, err
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest, nil
}
