package resp

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/door"
)

// Requests that come together, cut anywhere, are answered as the same requests one by one.
func TestPipelines(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	array := func(args ...string) string {
		s := fmt.Sprintf("*%d\r\n", len(args))
		for _, a := range args {
			s += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
		}
		return s
	}
	request := func() string {
		k, v := fmt.Sprint("k", rng.IntN(20)), strings.Repeat("v", rng.IntN(300))
		switch rng.IntN(16) {
		case 0, 1, 2:
			return array("SET", k, v)
		case 3, 4, 5, 6:
			return array("GET", k)
		case 7:
			return array("MGET", k, "k1", "k2")
		case 8:
			return "SET " + k + " \"in \\x41 line\"\r\n"
		case 9:
			return array("INCR", fmt.Sprint("n", rng.IntN(3)))
		case 10:
			return array("NOSUCH", k)
		case 11:
			return array("MULTI") + array("SET", k, "m") + array("GET", k) + array("EXEC")
		case 12:
			return "\r\n*0\r\n"
		case 13:
			return array("SET", k, strings.Repeat("V", 20_000))
		case 14:
			return array("CLIENT", "REPLY", "SKIP") + array("GET", k)
		}
		return array("DEL", k)
	}

	for range 10 {
		var requests []string
		for range 300 {
			requests = append(requests, request())
		}
		// Nothing after the request that cannot be understood is run.
		requests = append(requests, "*1\r\n$x\r\n", array("SET", "k1", "never"))
		send := func(gather func(i int) int) string {
			nc, err := net.Dial("tcp", serve(t))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
			go func() {
				all := strings.Join(requests, "")
				for i := 0; i < len(all); {
					n := min(gather(i), len(all)-i)
					_, _ = nc.Write([]byte(all[i : i+n]))
					i += n
					time.Sleep(50 * time.Microsecond) // so that the server mostly reads the pieces one by one
				}
			}()
			return exchange(t, nc, "")
		}
		whole := send(func(int) int { return 1 << 20 })
		one, at := 0, 0
		single := send(func(int) int { at, one = at+1, len(requests[at]); return one })
		cut := send(func(int) int { return 1 + rng.IntN(2000) })
		if whole != single || cut != single {
			for i := range min(len(single), len(whole)) {
				if single[i] != whole[i] {
					t.Errorf("at %d: one by one %q, at once %q", i, single[max(0, i-60):min(len(single), i+60)], whole[max(0, i-60):min(len(whole), i+60)])
					break
				}
			}
			t.Fatalf("one by one: %d bytes; at once: %d bytes; cut anywhere: %d bytes", len(single), len(whole), len(cut))
		}
		if !strings.HasSuffix(single, "-ERR Protocol error: invalid bulk length\r\n") {
			t.Errorf("the last answer is %q", single[max(0, len(single)-80):])
		}
	}
}

// Requests beyond what a turn has time for are left for the next one, and answered as if there had been one turn.
func TestALongPipelineTakesTurns(t *testing.T) {
	c := bare(t)
	const requests = 50_000
	in, out, turns := []byte(strings.Repeat("PING a\r\nGET k\r\n", requests)), &door.Writer{}, 0
	for len(in) > 0 {
		turns++
		out = &door.Writer{B: out.B} // begins a turn
		used, err := c.Feed(in, out)
		if in = in[used:]; used == 0 || err != nil && err != door.ErrMore || len(in) > 0 && err == nil {
			t.Fatalf("turn %d took %d bytes and left %d: %v", turns, used, len(in), err)
		}
	}
	if want := strings.Repeat("$1\r\na\r\n$-1\r\n", requests); string(out.B) != want {
		t.Errorf("%d bytes of answers, want %d, or others", len(out.B), len(want))
	}
	if turns < 2 {
		t.Error("all was done in one turn")
	}
}
