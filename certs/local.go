package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names returns every host name that SDKs derive from a base domain, as few wildcards as cover them.
func Names(domain string) []string {
	return []string{domain, "*." + domain, "*.cache." + domain, "*.control." + domain, "*.token." + domain}
}

// Hosts returns the same names one by one, for authorities that issue no wildcards.
func Hosts(domain string) []string {
	return []string{
		"cache." + domain, "control." + domain, "token." + domain, "storage." + domain, "api.cache." + domain,
		"web.cache." + domain, "web.control." + domain, "web.token." + domain, domain,
	}
}

// How long what Local makes is valid. Browsers and Apple's clients refuse leaf certificates of more than 825 days.
const (
	authorityValid = 10 * 365 * 24 * time.Hour
	leafValid      = 397 * 24 * time.Hour
)

// Local is a certificate for a domain, signed by an authority that lives in a folder of this machine.
type Local struct {
	cert *tls.Certificate
	path string
}

// NewLocal makes a certificate for every name of domain, for localhost and for the loopback addresses. The authority
// is kept in dir, so that clients go on trusting it over restarts; it is made where dir holds none.
func NewLocal(dir, domain string) (*Local, error) {
	path := filepath.Join(dir, "ca.pem")
	authority, err := loadAuthority(path, filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		return nil, err
	}
	cert, err := authority.issue(domain)
	if err != nil {
		return nil, err
	}
	return &Local{cert: cert, path: path}, nil
}

// Certificate is a tls.Config's GetCertificate.
func (l *Local) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return l.cert, nil }

// AuthorityPath returns the PEM file that clients have to trust.
func (l *Local) AuthorityPath() string { return l.path }

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func loadAuthority(certPath, keyPath string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(certPath, keyPath)
	if errors.Is(err, fs.ErrNotExist) {
		return newAuthority(certPath, keyPath)
	}
	if err != nil {
		return nil, fmt.Errorf("local authority %s: %w", certPath, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("local authority %s: its key is not one that hearth made", certPath)
	}
	return &authority{cert: pair.Leaf, key: key}, nil
}

func newAuthority(certPath, keyPath string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "hearth local authority"},
		NotAfter:              time.Now().Add(authorityValid),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(certPath), 0o700); err != nil {
		return nil, err
	}
	if err := writePEM(keyPath, "EC PRIVATE KEY", keyDER, 0o600); err != nil {
		return nil, err
	}
	if err := writePEM(certPath, "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert: cert, key: key}, err
}

func (a *authority) issue(domain string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: domain},
		DNSNames:    append(Names(domain), "localhost"),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotAfter:    time.Now().Add(leafValid),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, key, a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, err
}

func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	return x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
}

func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
