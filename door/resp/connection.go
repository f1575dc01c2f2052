package resp

import (
	"math"
	"strconv"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/respwire"
)

// redisVersion is what clients take for the version of the server, to know which commands they may use.
const redisVersion = "7.2.4"

const anytime = noAuth | loading | stale | fast

var connectionRows = []row{
	{name: "PING", arity: -1, flags: fast | inSub, run: runPing},
	{name: "ECHO", arity: 2, flags: loading | stale | fast, run: func(c *conn, args [][]byte) { c.out = respwire.AppendBulk(c.out, args[1]) }},
	{name: "AUTH", arity: -2, flags: anytime, run: runAuth},
	{name: "HELLO", arity: -1, flags: anytime, run: runHello},
	{name: "QUIT", arity: -1, flags: anytime | inSub | now, run: runQuit},
	{name: "RESET", arity: 1, flags: anytime | inSub | now, run: runReset},
	{name: "SELECT", arity: 2, flags: loading | stale | fast, run: runSelect},
	{name: "READONLY", arity: 1, flags: loading | stale | fast, run: runOK},
	{name: "READWRITE", arity: 1, flags: loading | stale | fast, run: runOK},
	{name: "ASKING", arity: 1, flags: fast, run: runOK},
	// A web page can make a browser send these; what follows them was never meant for a cache.
	{name: "POST", arity: -1, flags: anytime | inSub | now | hidden, run: runAttack},
	{name: "HOST:", arity: -1, flags: anytime | inSub | now | hidden, run: runAttack},
}

func runOK(c *conn, args [][]byte) { c.out = respwire.AppendOK(c.out) }

func runPing(c *conn, args [][]byte) {
	switch {
	case len(args) > 2:
		c.out = respwire.AppendError(c.out, "ERR wrong number of arguments for 'ping' command")
	case c.subs.any() && c.proto == respwire.RESP2:
		c.out = respwire.AppendArray(c.out, 2)
		c.out = respwire.AppendBulkString(c.out, "pong")
		if len(args) == 1 {
			c.out = respwire.AppendBulkString(c.out, "")
			return
		}
		c.out = respwire.AppendBulk(c.out, args[1])
	case len(args) == 1:
		c.out = append(c.out, "+PONG\r\n"...)
	default:
		c.out = respwire.AppendBulk(c.out, args[1])
	}
}

func runAttack(c *conn, args [][]byte) {
	c.door.Log.Warn("a connection spoke HTTP to the RESP port and was closed", "addr", c.info.addr)
	c.closing = true
}

func runQuit(c *conn, args [][]byte) {
	c.out = respwire.AppendOK(c.out)
	c.closing = true
}

func runSelect(c *conn, args [][]byte) {
	if err := onlyDatabase(args[1]); err != nil {
		c.fail(c.info.command, err)
		return
	}
	c.out = respwire.AppendOK(c.out)
}

// onlyDatabase checks the number of a database, of which there is one.
func onlyDatabase(arg []byte) error {
	n, err := integer(arg)
	switch {
	case err != nil:
		return err
	case n < math.MinInt32 || n > math.MaxInt32:
		return say("ERR value is out of range, value must between -2147483648 and 2147483647")
	case n != 0:
		return say("ERR DB index is out of range")
	}
	return nil
}

// runReset makes the connection what it was when it was opened.
func runReset(c *conn, args [][]byte) {
	c.endMulti()
	c.unsubscribeAll()
	c.proto, c.quiet = respwire.RESP2, audible
	c.info.name, c.info.noEvict, c.info.noTouch = "", false, false
	c.welcome()
	c.meet()
	c.out = respwire.AppendSimple(c.out, "RESET")
}

// meet gives a client that has to sign in its time for that.
func (c *conn) meet() {
	if c.caller == nil {
		c.sock.Guest()
	}
}

// welcome signs in a client that has shown nothing: as whoever that is while hearth is open, else as nobody.
func (c *conn) welcome() {
	caller, err := c.door.Gateway.SignIn(c.credential(""), c.door.Cache)
	if err != nil {
		caller = nil
	}
	c.caller, c.open = caller, caller != nil
	if !c.sit(caller) {
		c.caller, c.closing = nil, true
		c.out = respwire.AppendError(c.out, errFull)
	}
	c.info.user = "default"
	c.parser.Stranger = c.caller == nil
}

func (c *conn) credential(token string) gateway.Credential {
	return gateway.Credential{Token: token, Door: gateway.RESP, Peer: c.peer}
}

// sit takes a place among the connections that the caller's cache may have, and gives up the one that was held; false
// where there is none. A cache that does not exist yet has places for everybody.
func (c *conn) sit(caller *gateway.Caller) bool {
	taken := false
	if caller != nil {
		err := caller.Hold(hearth.ConnectionLimit)
		if hearth.KindOf(err) == hearth.Limited {
			return false
		}
		taken = err == nil
	}
	c.stand()
	if taken {
		c.seat = caller
	}
	return true
}

// stand gives up the place that is held.
func (c *conn) stand() {
	if c.seat != nil {
		c.seat.Release(hearth.ConnectionLimit)
		c.seat = nil
	}
}

const errFull = "ERR max number of clients reached"

const errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."

func runAuth(c *conn, args [][]byte) {
	var refusal string
	switch len(args) {
	case 2:
		refusal = c.signIn(c.door.Cache, args[1])
	case 3:
		refusal = c.signIn(string(args[1]), args[2])
	default:
		c.out = respwire.AppendError(c.out, string(errSyntax))
		return
	}
	if refusal != "" {
		c.out = respwire.AppendError(c.out, refusal)
		return
	}
	c.out = respwire.AppendOK(c.out)
}

// signIn makes the client who the token says it is, on a cache, and returns why not. While hearth is open, any token is
// as good as none.
func (c *conn) signIn(cache string, token []byte) (refusal string) {
	if len(cache) > hearth.CacheNameBytesMax {
		return errWrongPass // and so is not kept
	}
	caller, err := c.door.Gateway.SignIn(c.credential(string(token)), cache)
	if err != nil && c.open {
		caller, err = c.door.Gateway.SignIn(c.credential(""), cache)
	}
	if err != nil {
		return errWrongPass
	}
	if !c.sit(caller) {
		return errFull
	}
	c.caller, c.parser.Stranger = caller, false
	c.sock.Known()
	c.info.user = cache
	return ""
}

const errHelloAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> " +
	"option can be used to authenticate the client and select the RESP protocol version at the same time"

func runHello(c *conn, args [][]byte) {
	proto := c.proto
	if len(args) > 1 {
		n, ok := respwire.Int(args[1])
		switch {
		case !ok:
			c.out = respwire.AppendError(c.out, "ERR Protocol version is not an integer or out of range")
			return
		case n != 2 && n != 3:
			c.out = respwire.AppendError(c.out, "NOPROTO unsupported protocol version")
			return
		}
		proto = respwire.Proto(n)
	}
	name, named, text := c.helloOptions(args)
	switch {
	case text != "":
		c.out = respwire.AppendError(c.out, text)
		return
	case c.caller == nil:
		c.out = respwire.AppendError(c.out, errHelloAuth)
		return
	}
	if named {
		c.info.name = name
	}
	c.proto = proto
	c.out = c.proto.AppendMap(c.out, 7)
	c.pair("server", "redis")
	c.pair("version", redisVersion)
	c.out = respwire.AppendBulkString(c.out, "proto")
	c.out = respwire.AppendInteger(c.out, int64(c.proto))
	c.out = respwire.AppendBulkString(c.out, "id")
	c.out = respwire.AppendInteger(c.out, c.info.id)
	c.pair("mode", "standalone")
	c.pair("role", "master")
	c.out = respwire.AppendBulkString(c.out, "modules")
	c.out = respwire.AppendArray(c.out, 0)
}

// helloOptions reads what follows HELLO's version, and signs in where that is asked for.
func (c *conn) helloOptions(args [][]byte) (name string, named bool, text string) {
	for i := 2; i < len(args); i++ {
		left := len(args) - i - 1
		switch {
		case is(args[i], "AUTH") && left >= 2:
			if refusal := c.signIn(string(args[i+1]), args[i+2]); refusal != "" {
				return "", false, refusal
			}
			i += 2
		case is(args[i], "SETNAME") && left >= 1:
			if wrong := misnamed(args[i+1], errClientName); wrong != "" {
				return "", false, wrong
			}
			name, named = string(args[i+1]), true
			i++
		default:
			return "", false, "ERR Syntax error in HELLO option '" + clip(args[i], 128) + "'"
		}
	}
	return name, named, ""
}

func (c *conn) pair(key, value string) {
	c.out = respwire.AppendBulkString(c.out, key)
	c.out = respwire.AppendBulkString(c.out, value)
}

// silence is what CLIENT REPLY has asked for.
type silence uint8

const (
	audible  silence = iota
	silent           // until CLIENT REPLY ON
	skipNext         // the next request gets no answer
)

// answer runs f, and drops what it answered where the client has asked for silence.
func (c *conn) answer(f func()) {
	before := c.quiet
	if before == audible {
		f()
		return
	}
	at := len(c.out)
	f()
	if c.quiet == skipNext && before == skipNext {
		c.quiet = audible
	}
	if before == skipNext || c.quiet != audible {
		c.out = c.out[:at]
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
