package resp

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hearthcache/hearth/respwire"
)

var clientRows = []row{{name: "CLIENT", arity: -2, subs: []row{
	{name: "ID", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) { c.out = respwire.AppendInteger(c.out, c.info.id) }},
	{name: "INFO", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) { c.text(c.describe() + "\n") }},
	{name: "LIST", arity: -2, flags: admin | loading | stale, run: runClientList},
	{name: "GETNAME", arity: 2, flags: loading | stale, run: runClientGetName},
	{name: "SETNAME", arity: 3, flags: loading | stale, run: runClientSetName},
	{name: "SETINFO", arity: 4, flags: loading | stale, run: runClientSetInfo},
	{name: "KILL", arity: -3, flags: admin | loading | stale, run: runClientKill},
	{name: "REPLY", arity: 3, flags: loading | stale, run: runClientReply},
	{name: "NO-EVICT", arity: 3, flags: admin | loading | stale, run: func(c *conn, args [][]byte) { c.toggle(args[2], &c.info.noEvict) }},
	{name: "NO-TOUCH", arity: 3, flags: loading | stale, run: func(c *conn, args [][]byte) { c.toggle(args[2], &c.info.noTouch) }},
	{name: "GETREDIR", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) { c.out = respwire.AppendInteger(c.out, -1) }},
	{name: "UNBLOCK", arity: -3, flags: admin | loading | stale, run: runClientUnblock},
	{name: "HELP", arity: 2, flags: loading | stale, run: runClientHelp},
}}}

// text answers with something for people.
func (c *conn) text(s string) { c.out = c.proto.AppendVerbatim(c.out, "txt", s) }

const (
	errClientName = "ERR Client names cannot contain spaces, newlines or special characters."
	errClientLong = "ERR what a client says of itself cannot be longer than 1024 bytes."
)

// misnamed returns the error of something that a client says of itself: wrong, unless all bytes are visible ASCII.
func misnamed(b []byte, wrong string) string {
	switch {
	case len(b) > clientBytesMax:
		return errClientLong
	case slices.ContainsFunc(b, func(c byte) bool { return c < '!' || c > '~' }):
		return wrong
	}
	return ""
}

func runClientGetName(c *conn, args [][]byte) {
	if c.info.name == "" {
		c.out = c.proto.AppendNull(c.out)
		return
	}
	c.out = respwire.AppendBulkString(c.out, c.info.name)
}

func runClientSetName(c *conn, args [][]byte) {
	if wrong := misnamed(args[2], errClientName); wrong != "" {
		c.out = respwire.AppendError(c.out, wrong)
		return
	}
	c.set1(&c.info.name, string(args[2]))
	c.out = respwire.AppendOK(c.out)
}

// set1 changes what other connections may read in CLIENT LIST.
func (c *conn) set1(field *string, to string) {
	c.door.mu.Lock()
	defer c.door.mu.Unlock()
	*field = to
}

func runClientSetInfo(c *conn, args [][]byte) {
	var field *string
	switch {
	case is(args[2], "LIB-NAME"):
		field = &c.info.lib
	case is(args[2], "LIB-VER"):
		field = &c.info.libVer
	default:
		c.out = respwire.AppendError(c.out, "ERR Unrecognized option '"+clip(args[2], 128)+"'")
		return
	}
	if wrong := misnamed(args[3], "ERR "+lower(string(args[2]))+" cannot contain spaces, newlines or special characters."); wrong != "" {
		c.out = respwire.AppendError(c.out, wrong)
		return
	}
	c.set1(field, string(args[3]))
	c.out = respwire.AppendOK(c.out)
}

func runClientReply(c *conn, args [][]byte) {
	switch {
	case is(args[2], "ON"):
		c.quiet = audible
		c.out = respwire.AppendOK(c.out)
	case is(args[2], "OFF"):
		c.quiet = silent
	case is(args[2], "SKIP"):
		if c.quiet == audible {
			c.quiet = skipNext
		}
	default:
		c.out = respwire.AppendError(c.out, string(errSyntax))
	}
}

func (c *conn) toggle(arg []byte, on *bool) {
	switch {
	case is(arg, "ON"):
		*on = true
	case is(arg, "OFF"):
		*on = false
	default:
		c.out = respwire.AppendError(c.out, string(errSyntax))
		return
	}
	c.out = respwire.AppendOK(c.out)
}

// describe is the connection's line in CLIENT LIST.
func (c *conn) describe() string {
	age := int64(time.Since(c.info.began) / time.Second)
	command := "NULL"
	if c.info.command != nil {
		command = lower(c.info.command.name)
	}
	flags, multi := "N", -1
	if c.multi != nil {
		flags, multi = "x", len(c.multi.queued)
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=8 name=%s age=%d idle=0 flags=%s db=0 sub=%d psub=%d ssub=%d multi=%d qbuf=0 "+
		"qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=%s user=%s redir=-1 resp=%d "+
		"lib-name=%s lib-ver=%s", c.info.id, c.info.addr, c.info.laddr, c.info.name, age, flags, c.subs.count(channel),
		c.subs.count(glob), c.subs.count(shard), multi, command, c.info.user, c.proto, c.info.lib, c.info.libVer)
}

// summary is the line of another connection: what may be known of it from outside.
func (c *conn) summary() string {
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=8 name=%s age=%d idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 "+
		"qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=NULL user=%s redir=-1 resp=2 "+
		"lib-name=%s lib-ver=%s", c.info.id, c.info.addr, c.info.laddr, c.info.name, int64(time.Since(c.info.began)/time.Second),
		c.info.user, c.info.lib, c.info.libVer)
}

// runClientList shows the connections that signed in to the same cache; nobody learns of other tenants.
func runClientList(c *conn, args [][]byte) {
	wanted := map[int64]bool{}
	switch {
	case len(args) == 2:
	case len(args) == 4 && is(args[2], "TYPE") && is(args[3], "NORMAL"):
	case len(args) == 4 && is(args[2], "TYPE") && (is(args[3], "PUBSUB") || is(args[3], "REPLICA") || is(args[3], "MASTER")):
		c.text("")
		return
	case len(args) == 4 && is(args[2], "TYPE"):
		c.out = respwire.AppendError(c.out, "ERR Unknown client type '"+clip(args[3], 128)+"'")
		return
	case len(args) > 3 && is(args[2], "ID"):
		for _, a := range args[3:] {
			id, ok := respwire.Int(a)
			if !ok {
				c.out = respwire.AppendError(c.out, "ERR Invalid client ID")
				return
			}
			wanted[id] = true
		}
	default:
		c.out = respwire.AppendError(c.out, string(errSyntax))
		return
	}
	var b strings.Builder
	for _, o := range c.door.peers(c) {
		if len(wanted) > 0 && !wanted[o.info.id] {
			continue
		}
		b.WriteString(c.line(o))
		b.WriteByte('\n')
	}
	c.text(b.String())
}

func (c *conn) line(o *conn) string {
	if o == c {
		return c.describe()
	}
	c.door.mu.Lock()
	defer c.door.mu.Unlock()
	return o.summary()
}

// runClientKill ends connections of the same cache.
func runClientKill(c *conn, args [][]byte) {
	match := func(o *conn) bool { return o.info.addr == string(args[2]) }
	filters := len(args) > 3
	skipMe := filters
	for i := 2; filters && i < len(args); i += 2 {
		if i+1 == len(args) {
			c.out = respwire.AppendError(c.out, string(errSyntax))
			return
		}
		key, val, before := args[i], args[i+1], match
		if i == 2 {
			before = func(*conn) bool { return true }
		}
		switch {
		case is(key, "ID"):
			id, ok := respwire.Int(val)
			if !ok || id < 1 {
				c.out = respwire.AppendError(c.out, "ERR client-id should be greater than 0")
				return
			}
			match = func(o *conn) bool { return before(o) && o.info.id == id }
		case is(key, "ADDR"):
			match = func(o *conn) bool { return before(o) && o.info.addr == string(val) }
		case is(key, "LADDR"):
			match = func(o *conn) bool { return before(o) && o.info.laddr == string(val) }
		case is(key, "TYPE") && !clientType(val):
			c.out = respwire.AppendError(c.out, "ERR Unknown client type '"+clip(val, 128)+"'")
			return
		case is(key, "USER") && string(val) != "default":
			c.out = respwire.AppendError(c.out, "ERR No such user '"+clip(val, 128)+"'")
			return
		case is(key, "USER"), is(key, "TYPE"):
			match = before
		case is(key, "SKIPME") && (is(val, "YES") || is(val, "NO")):
			skipMe, match = is(val, "YES"), before
		default:
			c.out = respwire.AppendError(c.out, string(errSyntax))
			return
		}
	}
	c.kill(match, skipMe, filters)
}

// clientType reports whether b is one of the types that Valkey tells apart.
func clientType(b []byte) bool {
	return is(b, "NORMAL") || is(b, "PUBSUB") || is(b, "MASTER") || is(b, "REPLICA") || is(b, "SLAVE")
}

// runClientUnblock finds nobody: no command here blocks.
func runClientUnblock(c *conn, args [][]byte) {
	switch _, ok := respwire.Int(args[2]); {
	case len(args) > 4:
		c.out = respwire.AppendError(c.out, "ERR unknown subcommand or wrong number of arguments for '"+clip(args[1], 128)+"'. Try CLIENT HELP.")
	case len(args) == 4 && !is(args[3], "TIMEOUT") && !is(args[3], "ERROR"):
		c.out = respwire.AppendError(c.out, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
	case !ok:
		c.out = respwire.AppendError(c.out, "ERR value is not an integer or out of range")
	default:
		c.out = respwire.AppendInteger(c.out, 0)
	}
}

func (c *conn) kill(match func(*conn) bool, skipMe, filters bool) {
	killed := int64(0)
	for _, o := range c.door.peers(c) {
		if !match(o) || (o == c && skipMe) {
			continue
		}
		killed++
		if o == c {
			c.closing = true
			continue
		}
		o.killed.Store(true)
		o.sock.Wake()
	}
	switch {
	case filters:
		c.out = respwire.AppendInteger(c.out, killed)
	case killed == 0:
		c.out = respwire.AppendError(c.out, "ERR No such client")
	default:
		c.out = respwire.AppendOK(c.out)
	}
}

func runClientHelp(c *conn, args [][]byte) {
	c.help("CLIENT", "GETNAME", "GETREDIR", "HELP", "ID", "INFO", "KILL <option> ...", "LIST [options ...]", "NO-EVICT (ON|OFF)",
		"NO-TOUCH (ON|OFF)", "REPLY (ON|OFF|SKIP)", "SETINFO <option> <value>", "SETNAME <name>", "UNBLOCK <clientid>")
}

// help answers with the subcommands of a command.
func (c *conn) help(name string, subs ...string) {
	c.out = respwire.AppendArray(c.out, len(subs)+1)
	c.out = respwire.AppendSimple(c.out, name+" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, s := range subs {
		c.out = respwire.AppendSimple(c.out, s)
	}
}
