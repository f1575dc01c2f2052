package test

import "testing"

// TestTopicsNodeSDK cuts a subscriber off and lets it come back.
func TestTopicsNodeSDK(t *testing.T) {
	host, port := hostPort(t, start(t).Listen)
	t.Log(node(t, "topics.mjs", host, port))
}
