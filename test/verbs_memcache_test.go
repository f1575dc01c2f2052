package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/door/memcache"
)

// memcacheNeeds says what every command of memcached's protocols needs; \n ends a line within a command.
const memcacheNeeds = `
	nothing: quit
	signIn: version; verbosity 1; mn; stats; config get cluster; shutdown
	reads: get k; gets k; mg k v; me k
	writes: set k 0 0 1\nx; touch k 9; delete k; ms k 1\nx; md k; md k I
	both: gat 9 k; gats 9 k; mg k v T9; mg k N9; incr k 1; decr k 1; ma k
	both: add k 0 0 1\nx; replace k 0 0 1\nx; append k 0 0 1\nx; prepend k 0 0 1\nx; cas k 0 0 1 1\nx; ms k 1 ME\nx; ms k 1 MA\nx; ms k 1 C1\nx; md k C1
	manages: flush_all`

func TestEveryCommandOfMemcached(t *testing.T) { everywhere(t, everyCommandOfMemcached) }

func everyCommandOfMemcached(t *testing.T, start starter) {
	g := startGuarded(t, start)
	var cases []string
	known := map[string]bool{}
	var verbs []verb
	for line, n := range table(t, memcacheNeeds, ";") {
		if name := strings.Fields(line)[0]; !known[name] {
			known[name] = true
			cases = append(cases, name)
		}
		verbs = append(verbs, verb{line, n, func(token string) (bool, string) { return g.memcacheSay(token, line) }})
	}
	whole(t, "memcached", memcache.Commands(), cases)
	g.check(g.everybody(), verbs)
}

// memcacheSay signs in to the cache "a" with a token, says a command whatever became of that, and returns the first line
// of the answer to it.
func (g *guarded) memcacheSay(token, command string) (refused bool, answer string) {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.Memcache)
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	if token != "" {
		login := "a " + token
		fmt.Fprintf(conn, "set auth 0 0 %d\r\n%s\r\n", len(login), login)
		if answer, err = in.ReadString('\n'); err != nil {
			g.t.Fatal(err)
		}
	}
	signedIn := answer == "STORED\r\n"
	_, _ = io.WriteString(conn, strings.ReplaceAll(command, `\n`, "\r\n")+"\r\n")
	if strings.HasPrefix(command, "set ") && !signedIn {
		// To a stranger every set is a sign-in.
		answer, _ = in.ReadString('\n')
		return strings.HasPrefix(answer, "CLIENT_ERROR authentication failure"), answer
	}
	if answer, err = in.ReadString('\n'); err == io.EOF {
		answer = "closed"
	}
	return strings.HasPrefix(answer, "CLIENT_ERROR unauthenticated") || strings.HasPrefix(answer, "CLIENT_ERROR this credential does not permit"), answer
}
