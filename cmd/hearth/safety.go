package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// anyone reports whether callers without a credential may do everything: on loopback, unless credentials were asked
// for; elsewhere only where the operator has named the danger.
func (o *serveOptions) anyone() bool {
	return o.NoAuth || (o.local() && !o.Auth)
}

// local reports whether every port is reached from this machine only.
func (o *serveOptions) local() bool {
	for _, l := range []struct{ given, byDefault string }{
		{o.Listen, defaultListen}, {o.RESP, defaultRESP}, {o.Memcache, defaultMemcache}, {o.Admin, defaultAdmin},
	} {
		if addr, _, open := address(l.given, l.byDefault); open && !loopback(addr) {
			return false
		}
	}
	return true
}

// check refuses values that mean nothing, and combinations that would be unsafe or would lose what was acknowledged.
func (o *serveOptions) check() error {
	if err := o.checkValues(); err != nil {
		return err
	}
	admin, _, adminOpen := address(o.Admin, defaultAdmin)
	switch {
	case o.DevFaults && !o.local():
		return errors.New("--dev-faults lets any client break the server: it works on loopback addresses only")
	case o.NoAuth && o.Auth:
		return errors.New("--auth and --danger-no-auth contradict each other")
	case !o.local() && o.Data == "" && !o.Ephemeral && o.Engine != "valkey":
		return errors.New("on an address other than loopback keys and settings have to outlive the process: give --data DIR, or --ephemeral if they need not")
	case o.Data != "" && o.Ephemeral:
		return errors.New("--data and --ephemeral contradict each other")
	case adminOpen && !loopback(admin):
		return fmt.Errorf("--admin %s: metrics and profiles have no credentials of their own, so this port is for loopback addresses", admin)
	}
	return o.checkEngine()
}

// checkNeeds refuses a setting that does nothing without another one: its tag needs says which, as NAME or NAME=VALUE.
func checkNeeds(k *kong.Context, file *configFile) error {
	flags := k.Selected().Flags
	for _, f := range flags {
		need := f.Tag.Get("needs")
		from := source(k, file, f)
		if need == "" || from == fromDefault || f.Target.IsZero() {
			continue
		}
		name, value, exact := strings.Cut(need, "=")
		other := flags[slices.IndexFunc(flags, func(o *kong.Flag) bool { return o.Name == name })].Target
		if exact && other.String() == value || !exact && !other.IsZero() {
			continue
		}
		if from != fromFlag {
			from = ", given by " + from + ","
		} else {
			from = ""
		}
		return fmt.Errorf("--%s%s does nothing without --%s", f.Name, from, strings.TrimSpace(name+" "+value))
	}
	return nil
}

// isDomain reports whether a text can be a name in the DNS: labels of letters, digits and hyphens, with dots between them.
func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		other := strings.IndexFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
		})
		if label == "" || label[0] == '-' || other >= 0 {
			return false
		}
	}
	return true
}

// checkValues refuses values of single settings that would do something else than they seem to, or nothing.
func (o *serveOptions) checkValues() error {
	for _, l := range []struct{ name, addr string }{
		{"listen", o.Listen}, {"resp", o.RESP}, {"memcache", o.Memcache}, {"admin", o.Admin},
	} {
		if _, _, err := net.SplitHostPort(l.addr); err != nil && l.addr != "" && l.addr != "off" {
			return fmt.Errorf("--%s %s: an address is HOST:PORT, such as 127.0.0.1:8080 or :8080, or off", l.name, l.addr)
		}
	}
	for _, d := range []struct{ name, domain string }{{"tls-self-signed", o.TLSSelfSigned}, {"acme", o.ACMEDomain}} {
		if d.domain != "" && !isDomain(d.domain) {
			return fmt.Errorf("--%s %s: a domain is labels of letters, digits and hyphens with dots between them, such as hearth.example.com", d.name, d.domain)
		}
	}
	for _, p := range o.OriginSigned {
		if !strings.HasPrefix(p, "s3://") && !strings.HasPrefix(p, "dynamodb://") {
			return fmt.Errorf("--origin-signed %s: it is how an origin begins, such as s3://bucket/ or dynamodb://table/", p)
		}
	}
	collector, err := url.Parse(o.TraceTo)
	switch {
	case o.TraceTo != "" && (err != nil || collector.Host == "" || (collector.Scheme != "http" && collector.Scheme != "https")):
		return fmt.Errorf("--trace-to %s: a collector is a URL such as http://127.0.0.1:4318", o.TraceTo)
	case !(o.TraceShare >= 0 && o.TraceShare <= 1):
		return fmt.Errorf("--trace-share %v: a share is from 0 to 1", o.TraceShare)
	case strings.Contains(o.Endpoint, "/"):
		return fmt.Errorf("--endpoint %s: it is a host name such as hearth.example.com, without a scheme or path", o.Endpoint)
	}
	return nil
}
