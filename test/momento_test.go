package test

import (
	"net"
	"testing"
)

// The published SDKs, as their users have them, against the built binary.

func TestMomentoNodeSDK(t *testing.T) {
	everywhere(t, func(t *testing.T, start starter) {
		host, port := hostPort(t, start(t).Listen)
		t.Log(node(t, "momento.mjs", host, port))
	})
}

func TestMomentoWebSDKInChromium(t *testing.T) {
	everywhere(t, func(t *testing.T, start starter) {
		host, port := hostPort(t, start(t).Listen)
		t.Log(node(t, "web.mjs", host, port))
	})
}

func TestMomentoPythonSDK(t *testing.T) {
	everywhere(t, func(t *testing.T, start starter) {
		host, port := hostPort(t, start(t).Listen)
		t.Log(program(t, "python", "../../.cache/python/bin/python", "momento_sdk.py", host, port))
	})
}

func hostPort(t *testing.T, addr string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}
