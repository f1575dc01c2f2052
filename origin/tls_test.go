package origin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
)

// authority is one that signs the certificates of servers.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	der, key := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "an authority of this test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key, a.pem = key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

func (a *authority) sign(c *x509.Certificate) (der []byte, key *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = c, key
	}
	if der, err = x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by); err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// identity writes a certificate for 127.0.0.1 and its key where the server can read them.
func (a *authority) identity(p *process) (cert, key string) {
	a.t.Helper()
	der, private := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "a database"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	text, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	cert = p.write("server.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = p.write("server.key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: text})))
	if err := os.Chmod(key, 0o600); err != nil { // servers insist
		a.t.Fatal(err)
	}
	if c := p.cred.Credential; c != nil {
		if err := os.Chown(key, int(c.Uid), int(c.Gid)); err != nil {
			a.t.Fatal(err)
		}
	}
	return cert, key
}

// TestSQLOverTLS has every sslmode with servers that have TLS, whose certificates an authority of the operator's has signed.
func TestSQLOverTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	check := func(t *testing.T, p *process, scheme, database, query, key, plain string) {
		t.Helper()
		right, wrong, none := p.write("ca.pem", ca.pem), p.write("other.pem", other.pem), p.write("none.pem", "nothing\n")
		ask := func(host, options string) (string, error) {
			t.Helper()
			at := net.JoinHostPort(host, p.port()) + database
			o := New(Options{Allow: local, Logins: []Login{login(t, scheme+"://reader:secret@"+at+options)}})
			defer o.Close()
			from, err := o.Open(scheme + "://" + at + "?query=" + query)
			if err != nil {
				return "", err
			}
			v, _, err := from.Load(t.Context(), []byte(key))
			return string(v), err
		}
		if v, err := ask("127.0.0.1", "?sslmode=disable"); v != plain || err != nil {
			t.Errorf("disable: encrypted is %q, %v", v, err)
		}
		for _, options := range []string{"", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-full&sslrootcert=" + right} {
			if v, err := ask("127.0.0.1", options); v == plain || v == "" || err != nil {
				t.Errorf("%q: encrypted is %q, %v", options, v, err)
			}
		}
		for what, c := range map[string]struct{ host, options string }{
			"another authority":                {"127.0.0.1", "?sslmode=verify-full&sslrootcert=" + wrong},
			"the machine's authorities":        {"127.0.0.1", "?sslmode=verify-full"},
			"another name":                     {"localhost", "?sslmode=verify-full&sslrootcert=" + right},
			"a file without certificates":      {"127.0.0.1", "?sslmode=verify-full&sslrootcert=" + none},
			"a file of authorities not there":  {"127.0.0.1", "?sslmode=verify-full&sslrootcert=/nowhere.pem"},
			"a name that leads nowhere at all": {"nowhere.invalid", "?sslmode=require"},
		} {
			if v, err := ask(c.host, c.options); hearth.KindOf(err) != hearth.Unavailable {
				t.Errorf("%s: got %q, %v", what, v, err)
			}
		}
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		p := startPostgres(t, func(p *process) []string {
			cert, key := ca.identity(p)
			return []string{"-c", "ssl=on", "-c", "ssl_cert_file=" + cert, "-c", "ssl_key_file=" + key}
		})
		check(t, p, "postgres", "/postgres", "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND {key}::text <> ''", "k", "false")
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		p := startMySQL(t, func(p *process) []string {
			cert, key := ca.identity(p)
			return []string{"--ssl-cert=" + cert, "--ssl-key=" + key}
		})
		check(t, p, "mysql", "/shop", "SELECT CONCAT('cipher ', VARIABLE_VALUE) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = {key}", "Ssl_cipher", "cipher ")
	})
}
