package resp

import (
	"slices"
	"strings"
	"testing"

	"github.com/hearthcache/hearth/respwire"
)

// Every command that redis-server knows, too, with every number of arguments, none of which mean anything.
func TestArities(t *testing.T) {
	ours, theirs := dial(t, serve(t)), dial(t, redisServer(t))
	// QUIT ends the connection; what the others tell is their server's own, or hangs on who signs in.
	skip := strings.Fields("QUIT AUTH HELLO INFO COMMAND MEMORY LATENCY SLOWLOG CONFIG CLIENT CLUSTER LASTSAVE SSUBSCRIBE SUNSUBSCRIBE TIME ZRANK ZREVRANK " +
		"ASKING READONLY READWRITE MULTI EXEC DISCARD WATCH SUBSCRIBE PSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE")
	// A channel without a name is no topic: docs/resp.md.
	nameless := func(call []string) bool {
		return strings.HasSuffix(call[0], "PUBLISH") && len(call) == 3 && call[1] == ""
	}
	for _, r := range newTable(families()...).shown() {
		theirs.send([]string{"COMMAND", "INFO", r.name})
		if _, v := theirs.reply(); slices.Contains(skip, r.name) || len(v.Array) != 1 || v.Array[0].Null {
			continue
		}
		for _, word := range []string{"x", "1", "0", ""} {
			for n := range 8 {
				call := append([]string{r.name}, slices.Repeat([]string{word}, n)...)
				check := func(proto string) {
					for _, c := range []*client{ours, theirs} {
						c.do("HELLO", proto)
						c.do("FLUSHALL")
					}
					ours.send(call)
					theirs.send(call)
					a, va := ours.reply()
					b, vb := theirs.reply()
					if !same(call, a, b, va, vb) && !nameless(call) {
						t.Errorf("HELLO %s and %q\n\tanswers      %.300q\n\tredis-server %.300q", proto, call, a, b)
					}
				}
				check("2")
				check("3")
			}
		}
	}
	// Subcommands, and words that are none.
	for _, r := range newTable(families()...).shown() {
		for _, s := range r.subs {
			for n := range 5 {
				call := append([]string{r.name, s.name}, slices.Repeat([]string{"x"}, n)...)
				ours.send(call)
				theirs.send(call)
				a, _ := ours.reply()
				b, vb := theirs.reply()
				if newer(vb) || n+2 == s.arity || s.arity < 0 && n+2 >= -s.arity || string(a) == string(b) {
					continue
				}
				t.Errorf("%q\n\tanswers      %.300q\n\tredis-server %.300q", call, a, b)
			}
		}
	}
}

// newer reports whether redis-server 7.0 does not have what is asked for yet.
func newer(v respwire.Value) bool {
	return v.Type == '-' && (strings.Contains(string(v.Str), "unknown subcommand") || strings.Contains(string(v.Str), "cluster support disabled"))
}
