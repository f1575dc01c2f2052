package main

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// guard lets only this machine's names through while the server is open to anyone: a web page that a browser of this
// machine shows could otherwise read and write every cache, directly (Origin) or by a host name of its own that leads
// to 127.0.0.1 (Host).
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if !localName(r.Host) || (origin != "" && !localOrigin(origin)) {
			http.Error(w, "this hearth is open to its own machine only: names of loopback are allowed as Host and Origin. Start it with --auth to serve others.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func localOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && localName(u.Host)
}

// localName reports whether a host, with or without a port, names this machine.
func localName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
