package guard

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hearthcache/hearth"
)

func TestGuard(t *testing.T) {
	g := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	check := func(addr string, want bool) {
		t.Helper()
		err := g.Check(netip.MustParseAddr(addr))
		if (err == nil) != want || err != nil && hearth.KindOf(err) != hearth.Invalid {
			t.Errorf("Check(%s) = %v", addr, err)
		}
	}
	for _, a := range strings.Fields(`0.0.0.0 0.1.2.3 10.0.0.1 10.2.0.0 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1 169.254.169.254 172.16.0.1
		172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.9 224.0.0.1 239.1.1.1 240.0.0.1
		255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:192.168.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::
		2002:c0a8:101::1 3fff::1 4000::1 fc00::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ::ffff:0:127.0.0.1`) {
		check(a, false)
	}
	for _, a := range strings.Fields(`8.8.8.8 1.1.1.1 100.63.0.1 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 223.255.255.255 2606:4700::1111
		2a00:1450::1 2001:4860::8888 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1 10.1.2.3 ::ffff:10.1.2.3 fd12::1`) {
		check(a, true)
	}
	url := func(text string, want bool) {
		t.Helper()
		err := g.CheckURL(text)
		if (err == nil) != want || err != nil && hearth.KindOf(err) != hearth.Invalid {
			t.Errorf("CheckURL(%q) = %v", text, err)
		}
	}
	url("https://example.com/hook?x=1", true)
	url("http://example.com:8080", true)
	url("http://10.1.0.1:8080/", true)
	url("http://10.2.0.1:8080/", false)
	url("http://[::1]/", false)
	url("http://[fd00::1]/", true)
	url("https://user:pw@example.com/", false)
	url("example.com", false)
	url("file:///etc/passwd", false)
	url("https://", false)
	url("http://%zz", false)
	url("", false)
	url("https://example.com/"+strings.Repeat("x", hearth.WebhookURLBytesMax), false)
}
