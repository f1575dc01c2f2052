package respwire

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// parse reads all requests in text, given in pieces of step bytes, and returns them printed.
func parse(p *Parser, text string, step int) string {
	var out []string
	var in []byte
	rest := []byte(text)
	for len(rest) > 0 {
		n := min(step, len(rest))
		in, rest = append(in, rest[:n]...), rest[n:]
		for {
			args, used, err := p.Next(in, nil)
			if err != nil {
				return strings.Join(append(out, err.Error()), " ")
			}
			if used == 0 {
				break
			}
			out = append(out, fmt.Sprintf("%q", args))
			in = in[used:]
		}
	}
	if len(in) > 0 {
		out = append(out, "...")
	}
	return strings.Join(out, " ")
}

func TestParser(t *testing.T) {
	check := func(text, want string) {
		t.Helper()
		for _, step := range []int{1, 2, 3, 7, 1 << 20} {
			if len(text) > 1000 && step < 1000 {
				continue
			}
			if got := parse(&Parser{}, text, step); got != want {
				t.Errorf("%.60q in pieces of %d gives %s, want %s", text, step, got, want)
			}
		}
	}

	check("*1\r\n$4\r\nPING\r\n", `["PING"]`)
	check("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n", `["GET" "k"] ["PING"]`)
	check("*2\r\n$0\r\n\r\n$12\r\nabcdefghijkl\r\n", `["" "abcdefghijkl"]`)
	check("*0\r\n*-1\r\nPING\r\n", `[] [] ["PING"]`)
	check("\r\n", `[]`)
	check("PING\n", `["PING"]`)
	check("*3\r\n$3\r\nSET\r\n", `...`)
	check("set k \"a\\x41\\n\\\"\" 'b\\'c'\r\n", `["set" "k" "aA\n\"" "b'c"]`)
	check("get \"open\r\n", `Protocol error: unbalanced quotes in request`)
	check("get \"a\"b\r\n", `Protocol error: unbalanced quotes in request`)
	check("*x\r\n", `Protocol error: invalid multibulk length`)
	check("*1048577\r\n", `Protocol error: invalid multibulk length`)
	check("*1\r\nGET\r\n", `Protocol error: expected '$', got 'G'`)
	check("*1\r\n$-1\r\n", `Protocol error: invalid bulk length`)
	check("*1\r\n$01\r\n", `Protocol error: invalid bulk length`)
	check("*1\r\n$536870913\r\n", `Protocol error: invalid bulk length`)
	check("*1\r\n$536870912\r\n", `...`)
	check(strings.Repeat("a", InlineBytesMax+1), `Protocol error: too big inline request`)
	check(strings.Repeat("a", InlineBytesMax+1)+"\r\n", `Protocol error: too big inline request`)
	check("*1\r\n$"+strings.Repeat("1", InlineBytesMax)+"\r\n", `Protocol error: too big bulk count string`)
	check("*"+strings.Repeat("1", InlineBytesMax+1), `Protocol error: too big mbulk count string`)
	check("*1\r\n$"+strings.Repeat("1", InlineBytesMax+1), `Protocol error: too big bulk count string`)
}

func TestStranger(t *testing.T) {
	check := func(text, want string) {
		t.Helper()
		if got := parse(&Parser{Stranger: true}, text, 1<<20); got != want {
			t.Errorf("%q gives %s, want %s", text, got, want)
		}
	}

	check("*11\r\n", "Protocol error: unauthenticated multibulk length")
	check("*1\r\n$16385\r\n", "Protocol error: unauthenticated bulk length")
	check("*10\r\n", "...")
}

func TestPending(t *testing.T) {
	var p Parser
	in := []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nabc")
	if _, n, err := p.Next(in, nil); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	done, size, start, ok := p.Pending()
	if done != 2 || size != 100000 || !ok || string(in[start:]) != "abc" || p.Left() != 1 {
		t.Error(done, size, start, ok, p.Left())
	}
	if args := p.Finish(in, nil); len(args) != 2 || string(args[1]) != "k" {
		t.Errorf("%q", args)
	}
}

func TestInt(t *testing.T) {
	check := func(in string, want int64, ok bool) {
		t.Helper()
		if got, good := Int([]byte(in)); got != want || good != ok {
			t.Errorf("Int(%q) = %d, %v; want %d, %v", in, got, good, want, ok)
		}
	}

	check("0", 0, true)
	check("-1", -1, true)
	check("9223372036854775807", 1<<63-1, true)
	check("-9223372036854775808", -1<<63, true)
	check("9223372036854775808", 0, false)
	check("99999999999999999999", 0, false)
	check("-0", 0, false)
	check("+1", 0, false)
	check("01", 0, false)
	check("1 ", 0, false)
	check("-", 0, false)
	check("", 0, false)
}

func FuzzParser(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING 'a'\r\n*1\r\n$70000\r\nx"), 3)
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		whole := parse(&Parser{}, string(text), len(text)+1)
		if got := parse(&Parser{}, string(text), max(1, step%64)); got != whole {
			t.Errorf("in pieces: %s; at once: %s", got, whole)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add("GET", "k", "\r\n")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		sent := [][]byte{[]byte(a), []byte(b), []byte(c)}
		wire := AppendRequest(nil, sent...)
		var p Parser
		got, n, err := p.Next(wire, nil)
		if err != nil || n != len(wire) || len(got) != 3 || !bytes.Equal(bytes.Join(got, []byte{0}), bytes.Join(sent, []byte{0})) {
			t.Errorf("%q becomes %q: %v", sent, got, err)
		}
	})
}

func TestDecode(t *testing.T) {
	check := func(wire []byte, want Value) {
		t.Helper()
		got, n, err := Decode(wire)
		if err != nil || n != len(wire) || !reflect.DeepEqual(got, want) {
			t.Errorf("%q decodes to %+v (%d, %v), want %+v", wire, got, n, err, want)
		}
		for i := range wire {
			if _, _, err := Decode(wire[:i]); err != ErrShort {
				t.Errorf("%q, cut short, gives %v", wire[:i], err)
			}
		}
	}
	const p2, p3 = RESP2, RESP3

	check(AppendSimple(nil, "PONG"), Value{Type: '+', Str: []byte("PONG")})
	check(AppendError(nil, "ERR a\r\nb"), Value{Type: '-', Str: []byte("ERR a  b")})
	check(AppendInteger(nil, -7), Value{Type: ':', Int: -7})
	check(AppendBulkString(nil, "a\r\nb"), Value{Type: '$', Str: []byte("a\r\nb")})
	check(p2.AppendNull(nil), Value{Type: '$', Null: true})
	check(p3.AppendNull(nil), Value{Type: '_', Null: true})
	check(p2.AppendNullArray(nil), Value{Type: '*', Null: true})
	check(p3.AppendDouble(nil, 1.5), Value{Type: ',', Num: 1.5})
	check(p2.AppendDouble(nil, 1.5), Value{Type: '$', Str: []byte("1.5")})
	check(p3.AppendBool(nil, true), Value{Type: '#', Int: 1})
	check(p3.AppendVerbatim(nil, "txt", "hi"), Value{Type: '=', Str: []byte("hi")})
	check(AppendInteger(AppendBulkString(p3.AppendMap(nil, 1), "k"), 1),
		Value{Type: '%', Array: []Value{{Type: '$', Str: []byte("k")}, {Type: ':', Int: 1}}})
	check(AppendArray(p3.AppendSet(nil, 1), 0), Value{Type: '~', Array: []Value{{Type: '*', Array: []Value{}}}})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("*2\r\n:1\r\n%1\r\n+a\r\n,1.5\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, n, err := Decode(b); err == nil && (n <= 0 || n > len(b)) {
			t.Errorf("took %d of %d bytes", n, len(b))
		}
	})
}

func TestAppendFloat(t *testing.T) {
	check := func(f float64, want string) {
		t.Helper()
		if got := string(AppendFloat(nil, f)); got != want {
			t.Errorf("%v prints as %s, want %s", f, got, want)
		}
	}

	check(0, "0")
	check(3, "3")
	check(-1.5, "-1.5")
	check(3.1, "3.1000000000000001")
	check(1e20, "1e+20")
	check(1e16, "10000000000000000")
	check(1e17, "1e+17")
	check(1e-5, "1.0000000000000001e-05")
	check(0.0001, "0.0001")
	check(123456789.125, "123456789.125")
}

func BenchmarkParser(b *testing.B) {
	in := []byte("*2\r\n$3\r\nGET\r\n$20\r\nkey:0000000000000001\r\n")
	var p Parser
	var args [][]byte
	b.ReportAllocs()
	for b.Loop() {
		args, _, _ = p.Next(in, args[:0])
	}
}
