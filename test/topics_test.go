package test

import "testing"

// TestTopicsNodeSDK cuts a subscriber off and lets it come back.
func TestTopicsNodeSDK(t *testing.T) {
	everywhere(t, func(t *testing.T, start starter) {
		host, port := hostPort(t, start(t).Listen)
		t.Log(node(t, "topics.mjs", host, port))
	})
}
