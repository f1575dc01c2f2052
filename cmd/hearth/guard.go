package main

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// guard lets only this machine's names through while the server is open to anyone: a web page that a browser of this
// machine shows could otherwise read and write every cache, directly (Origin) or by a host name of its own that leads
// to 127.0.0.1 (Host). Names of domain, which the server's certificate has and such a page cannot have, are let through,
// too; "" is none.
func guard(domain string, next http.Handler) http.Handler {
	own := func(host string) bool { return localName(host) || domain != "" && within(host, domain) }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if !own(r.Host) || (origin != "" && !own(originHost(origin))) {
			also := ""
			if domain != "" {
				also = ", and those of " + domain + ","
			}
			http.Error(w, "this hearth is open to its own machine only: names of loopback"+also+" are allowed as Host and Origin. Start it with --auth to serve others.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// originHost returns the host of an Origin, "" where it has none.
func originHost(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Host
}

// within reports whether a host, with or without a port, is the domain or a name below it.
func within(host, domain string) bool {
	host, domain = strings.ToLower(withoutPort(host)), strings.ToLower(domain)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// localName reports whether a host, with or without a port, names this machine.
func localName(host string) bool {
	host = strings.Trim(withoutPort(host), "[]")
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func withoutPort(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}
