package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hearthcache/hearth/certs"
)

// tlsOptions say which certificate the ports answer with; none of them is plaintext.
type tlsOptions struct {
	TLSCert       string `name:"tls-cert" env:"HEARTH_TLS_CERT" placeholder:"FILE" needs:"tls-key" help:"PEM file of the certificate and its chain; it is read again when it changes."`
	TLSKey        string `name:"tls-key" env:"HEARTH_TLS_KEY" placeholder:"FILE" needs:"tls-cert" help:"PEM file of the certificate's key."`
	TLSSelfSigned string `name:"tls-self-signed" env:"HEARTH_TLS_SELF_SIGNED" placeholder:"DOMAIN" help:"Make a local authority and a certificate for every name that SDKs derive from DOMAIN."`
	ACMEDomain    string `name:"acme" env:"HEARTH_ACME" placeholder:"DOMAIN" help:"Get certificates for every name that SDKs derive from DOMAIN by ACME; needs --data and port 443."`
	ACMEEmail     string `name:"acme-email" env:"HEARTH_ACME_EMAIL" placeholder:"ADDRESS" needs:"acme" help:"Where the ACME authority may write to."`
	ACMEDirectory string `name:"acme-directory" env:"HEARTH_ACME_DIRECTORY" placeholder:"URL" needs:"acme" help:"The ACME authority's directory. Default: Let's Encrypt."`
}

// encryption is what TLS the server speaks.
type encryption struct {
	config *tls.Config // nil is plaintext
	domain string      // the base domain of the certificate, where hearth chose it
	ca     string      // the file that clients have to trust, where hearth made it
}

func (o *serveOptions) encryption() (encryption, error) {
	ways := 0
	for _, given := range []string{o.TLSCert + o.TLSKey, o.TLSSelfSigned, o.ACMEDomain} {
		if given != "" {
			ways++
		}
	}
	switch {
	case ways > 1:
		return encryption{}, errors.New("--tls-cert, --tls-self-signed and --acme are different ways to a certificate: give one")
	case o.TLSSelfSigned != "":
		return o.selfSigned()
	case o.ACMEDomain != "":
		return o.acme()
	case o.TLSCert != "" || o.TLSKey != "":
		files, err := certs.NewFiles(o.TLSCert, o.TLSKey)
		if err != nil {
			return encryption{}, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		return encryption{config: certs.Config(files.Certificate)}, nil
	}
	return encryption{}, nil
}

func (o *serveOptions) selfSigned() (encryption, error) {
	dir, err := o.stateFolder("tls")
	if err != nil {
		return encryption{}, err
	}
	local, err := certs.NewLocal(dir, o.TLSSelfSigned)
	if err != nil {
		return encryption{}, err
	}
	return encryption{config: certs.Config(local.Certificate), domain: o.TLSSelfSigned, ca: local.AuthorityPath()}, nil
}

func (o *serveOptions) acme() (encryption, error) {
	if o.Data == "" {
		return encryption{}, errors.New("--acme keeps its account and certificates over restarts: give --data DIR")
	}
	m := certs.NewACME(certs.ACMEOptions{Domain: o.ACMEDomain, Directory: o.ACMEDirectory, Email: o.ACMEEmail,
		Cache: filepath.Join(o.Data, "acme")})
	return encryption{config: certs.Config(m.GetCertificate, certs.ACMEProtocol), domain: o.ACMEDomain}, nil
}

// stateFolder is a folder for what should outlive the process: below --data, or of this user where there is none.
func (o *serveOptions) stateFolder(name string) (string, error) {
	if o.Data != "" {
		return filepath.Abs(filepath.Join(o.Data, name))
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for %s: give --data DIR (%w)", name, err)
	}
	return filepath.Join(cache, "hearth", name), nil
}

// trust prints what each SDK needs in order to trust a local authority.
func (e *encryption) trust(w io.Writer) {
	if e.ca == "" {
		return
	}
	fmt.Fprintf(w, `
  Names           cache.%[1]s, control.%[1]s, token.%[1]s, api.cache.%[1]s and web.* must lead here
                  (for a trial: a line in /etc/hosts)
  Trust           Go, Python (ssl), curl    export SSL_CERT_FILE=%[2]s
                  Node.js                   export NODE_EXTRA_CA_CERTS=%[2]s
                                            (where GRPC_DEFAULT_SSL_ROOTS_FILE_PATH is set, it decides instead)
                  Python SDK (gRPC)         export GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=%[2]s
                  Java                      keytool -importcert -file %[2]s -alias hearth -keystore ...
                  browsers                  import %[2]s as an authority
                  this CLI                  export HEARTH_CA=%[2]s
`, e.domain, e.ca)
}
