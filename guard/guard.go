// Package guard keeps requests that hearth makes for its users away from networks that are not theirs: addresses are held
// against what is public, and what the operator allows, just before they are connected to.
package guard

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"

	"github.com/hearthcache/hearth"
)

// forbidden4 is what IPv4 has beside the public internet.
var forbidden4 = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
)

// Of IPv6 only global unicast is public, and of that not what stands for other networks or nothing.
var (
	public6    = netip.MustParsePrefix("2000::/3")
	forbidden6 = prefixes("2001::/23", "2001:db8::/32", "3fff::/20")
	six2four   = netip.MustParsePrefix("2002::/16")
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(all ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(all))
	for i, s := range all {
		ps[i] = netip.MustParsePrefix(s)
	}
	return ps
}

// Guard says which addresses requests may go to: those of the public internet, and those that the operator allows.
type Guard struct{ Allow []netip.Prefix }

// Check returns an Invalid error unless requests may go to an address.
func (g *Guard) Check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if contains(g.Allow, a) || public(a) {
		return nil
	}
	return &hearth.Error{Kind: hearth.Invalid, Msg: fmt.Sprintf("hearth may not reach %s: it is not an address of the public internet, nor one that its operator allows", a)}
}

// public reports whether an address is one of the public internet, also where it is an IPv4 address in disguise.
func public(a netip.Addr) bool {
	if a.Is4() {
		return !contains(forbidden4, a)
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return public(netip.AddrFrom4([4]byte(b[12:])))
	case six2four.Contains(a):
		return public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return public6.Contains(a) && !contains(forbidden6, a)
}

func contains(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Control is for net.Dialer: it sees the address that the host's name has led to just before it is connected to, so that
// what is checked is what is used.
func (g *Guard) Control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return g.Check(a.Addr())
}

// CheckURL returns an Invalid error unless a webhook or an origin may have this URL. A host that is a name is checked when it has been
// looked up, at each connection.
func (g *Guard) CheckURL(text string) error {
	if len(text) > hearth.WebhookURLBytesMax {
		return invalid(fmt.Sprintf("the URL is longer than %d bytes", hearth.WebhookURLBytesMax))
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return invalid("the URL is not one with a host, such as https://example.com/path")
	case u.Scheme != "https" && u.Scheme != "http":
		return invalid("the URL begins neither with https:// nor with http://")
	case u.User != nil:
		return invalid("the URL carries a user name")
	}
	return g.CheckHost(u.Hostname())
}

// CheckHost returns an Invalid error where a host is an address that requests may not go to. One that is a name is
// checked when it has been looked up, at each connection.
func (g *Guard) CheckHost(host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		return g.Check(a)
	}
	if ip := net.ParseIP(host); ip != nil {
		return invalid("the host of the URL is an address in a form that is not allowed")
	}
	return nil
}

func invalid(msg string) error { return &hearth.Error{Kind: hearth.Invalid, Msg: msg} }
