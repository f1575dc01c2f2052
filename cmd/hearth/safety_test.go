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
	check(serveOptions{engineOptions: engineOptions{ValkeyAddrs: []string{"10.0.0.1:1"}}}, true, "--engine valkey")
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
	check(serveOptions{Drain: -1}, true, "--drain")
	check(serveOptions{SlowLog: -1}, true, "--slow-log")
	check(serveOptions{Admin: "off", RESP: "off", Memcache: "off"}, true, "")
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
