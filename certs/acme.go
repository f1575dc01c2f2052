package certs

import (
	"net/http"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACMEOptions says where certificates come from (RFC 8555) and for which names.
type ACMEOptions struct {
	Domain    string       // the base domain: certificates are for Hosts(Domain)
	Directory string       // the authority's directory URL; empty is Let's Encrypt's
	Email     string       // where the authority may write to; may be empty
	Cache     string       // the folder that keeps certificates and the account over restarts
	Client    *http.Client // for the authority; nil is the default client
}

// NewACME returns a manager that answers the authority's TLS-ALPN-01 challenges on the TLS port itself, and HTTP-01
// challenges where its HTTPHandler serves port 80. A certificate is got at the first handshake for its name. Its use
// tells that the operator accepts the authority's terms.
func NewACME(o ACMEOptions) *autocert.Manager {
	return &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(o.Cache),
		HostPolicy: autocert.HostWhitelist(Hosts(o.Domain)...),
		Email:      o.Email,
		Client:     &acme.Client{DirectoryURL: o.Directory, HTTPClient: o.Client},
	}
}

// ACMEProtocol is the ALPN protocol of TLS-ALPN-01 challenges (RFC 8737).
const ACMEProtocol = acme.ALPNProto
