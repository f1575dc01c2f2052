package main

import (
	"strings"
	"testing"
)

func TestSafety(t *testing.T) {
	check := func(o serveOptions, anyone bool, refusal string) {
		t.Helper()
		err := o.check()
		switch {
		case refusal == "" && err != nil:
			t.Errorf("%+v is refused: %v", o, err)
		case refusal != "" && (err == nil || !strings.Contains(err.Error(), refusal)):
			t.Errorf("%+v: %v; want a refusal with %q", o, err, refusal)
		case refusal == "" && o.anyone() != anyone:
			t.Errorf("%+v: open to anyone is %v", o, !anyone)
		}
	}

	check(serveOptions{}, true, "")
	check(serveOptions{Auth: true}, false, "")
	check(serveOptions{Listen: "127.0.0.1:1"}, true, "")
	check(serveOptions{Listen: "0.0.0.0:8080"}, false, "--data")
	check(serveOptions{Listen: ":8080"}, false, "--data")
	check(serveOptions{Listen: ":8080", engineOptions: engineOptions{Engine: "valkey", ValkeyAddrs: []string{"10.0.0.1:6379"}}}, false, "")
	check(serveOptions{engineOptions: engineOptions{Engine: "valkey"}}, true, "--valkey-addrs")
	check(serveOptions{engineOptions: engineOptions{Engine: "valkey", ValkeyAddrs: []string{"10.0.0.1"}}}, true, "host:port")
	check(serveOptions{MaxMemory: 1}, true, "allowed are 65536 (64KiB) to 171798691840 (160GiB)")
	check(serveOptions{MaxMemory: 1 << 50}, true, "160GiB")
	check(serveOptions{MaxMemory: 64 << 10}, true, "")
	check(serveOptions{RESP: "10.0.0.1:6379"}, false, "--data")
	check(serveOptions{Listen: ":8080", Data: "d"}, false, "")
	check(serveOptions{Listen: ":8080", Ephemeral: true}, false, "")
	check(serveOptions{Listen: ":8080", Ephemeral: true, NoAuth: true}, true, "")
	check(serveOptions{Listen: ":8080", Ephemeral: true, DevFaults: true}, false, "--dev-faults")
	check(serveOptions{Data: "d", Ephemeral: true}, false, "contradict")
	check(serveOptions{Auth: true, NoAuth: true}, false, "contradict")
	check(serveOptions{Admin: "0.0.0.0:9091", Ephemeral: true}, false, "--admin")
	check(serveOptions{Listen: "8080"}, false, "HOST:PORT")
	check(serveOptions{RESP: "nonsense"}, false, "--resp nonsense: an address is HOST:PORT")
	check(serveOptions{TraceTo: "collector"}, true, "--trace-to")
	check(serveOptions{TraceTo: "http://127.0.0.1:4318", TraceShare: 1}, true, "")
	check(serveOptions{TraceShare: 7}, true, "from 0 to 1")
	check(serveOptions{Endpoint: "https://hearth.example.com"}, true, "--endpoint")
	check(serveOptions{OriginSigned: []string{"s3://b/", "dynamodb://t/"}}, true, "")
	check(serveOptions{OriginSigned: []string{"bucket"}}, true, "--origin-signed bucket")
	check(serveOptions{tlsOptions: tlsOptions{TLSSelfSigned: "not a domain"}}, true, "--tls-self-signed")
	check(serveOptions{tlsOptions: tlsOptions{ACMEDomain: "https://example.com"}}, true, "--acme")
	check(serveOptions{tlsOptions: tlsOptions{ACMEDomain: "hearth.example.com"}}, true, "")
	check(serveOptions{Admin: "off", RESP: "off", Memcache: "off"}, true, "")
}

// TestNeeds gives settings without the one that they belong to: each is refused, wherever it comes from.
func TestNeeds(t *testing.T) {
	check := func(want string, env []string, flags string) {
		t.Helper()
		got, code := call(t, env, append([]string{"serve", "--listen", "nowhere"}, strings.Fields(flags)...)...)
		if code != exitUsage || !strings.Contains(got, want) {
			t.Errorf("%v %s: exit %d; no %q in:\n%s", env, flags, code, want, got)
		}
	}

	check("--near-memory does nothing without --engine valkey", nil, "--near-memory 64MiB")
	check("--near-memory, given by HEARTH_NEAR_MEMORY, does nothing", []string{"HEARTH_NEAR_MEMORY=1MiB"}, "")
	check("--valkey-addrs does nothing without --engine valkey", nil, "--valkey-addrs 10.0.0.1:1")
	check("--valkey-user does nothing", nil, "--valkey-user me")
	check("--valkey-password does nothing", nil, "--valkey-password secret")
	check("--valkey-tls does nothing", nil, "--valkey-tls")
	check("--max-memory does nothing without --engine local", nil, "--engine valkey --valkey-addrs 10.0.0.1:1 --max-memory 1GiB")
	check("--tls-cert does nothing without --tls-key", nil, "--tls-cert c.pem")
	check("--tls-key does nothing without --tls-cert", nil, "--tls-key k.pem")
	check("--acme-email does nothing without --acme", nil, "--acme-email me@example.com")
	check("--acme-directory does nothing without --acme", nil, "--acme-directory https://ca.example.com")
	check("--trace-share does nothing without --trace-to", nil, "--trace-share 1")

	// What is given with the other, or is nothing, is past that check: the address is what is refused.
	check("--listen nowhere", nil, "--trace-share 1 --trace-to http://127.0.0.1:4318")
	check("--listen nowhere", nil, "--engine valkey --valkey-addrs 10.0.0.1:1 --near-memory 1MiB")
	check("--listen nowhere", []string{"HEARTH_VALKEY_USER=", "HEARTH_MAX_MEMORY=1GiB"}, "")
	check("--drain: -5s is less than 0s", nil, "--drain -5s")
}

// TestJoinNegative has negative numbers reach the flag before them.
func TestJoinNegative(t *testing.T) {
	check := func(in, want string) {
		t.Helper()
		if got := strings.Join(joinNegative(strings.Fields(in)), " "); got != want {
			t.Errorf("%s became %s; want %s", in, got, want)
		}
	}

	check("serve --drain -5s --auth", "serve --drain=-5s --auth")
	check("fleet up --gateways -1", "fleet up --gateways=-1")
	check("item incr c k --ttl=5s -2", "item incr c k --ttl=5s -2")
	check("item incr c k -- -2", "item incr c k -- -2")
	check("crowd -n -5 --model", "crowd -n-5 --model")
	check("item get c k -o json", "item get c k -o json")
}

func TestOneWayToACertificate(t *testing.T) {
	check := func(o tlsOptions, ok bool) {
		t.Helper()
		s := serveOptions{tlsOptions: o, Data: t.TempDir()}
		if _, err := s.encryption(); (err == nil) != ok {
			t.Errorf("%+v: %v; want ok %v", o, err, ok)
		}
	}
	check(tlsOptions{}, true)
	check(tlsOptions{TLSSelfSigned: "hearth.test"}, true)
	check(tlsOptions{TLSSelfSigned: "hearth.test", ACMEDomain: "hearth.test"}, false)
	check(tlsOptions{TLSCert: "none.pem"}, false)
	check(tlsOptions{ACMEDomain: "hearth.test"}, true)
}
