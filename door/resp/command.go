package resp

import (
	"slices"
	"strings"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/topics"
)

const errNames = "ERR COMMAND tells of at most 256 commands at once"

var commandRows = []row{{name: "COMMAND", arity: -1, flags: loading | stale, check: checkCommand, run: runCommand}}

// checkCommand returns the error of a subcommand that there is not, or whose arguments are too few or too many.
func checkCommand(args [][]byte) string {
	if len(args) == 1 {
		return ""
	}
	sub, fits := args[1], true
	switch {
	case is(sub, "LIST"):
	case is(sub, "INFO"), is(sub, "DOCS"):
		if len(args)-2 > namesMax {
			return errNames
		}
	case is(sub, "COUNT"), is(sub, "HELP"):
		fits = len(args) == 2
	case is(sub, "GETKEYS"), is(sub, "GETKEYSANDFLAGS"):
		fits = len(args) >= 4
	default:
		return "ERR unknown subcommand '" + clip(sub, 128) + "'. Try COMMAND HELP."
	}
	if !fits {
		return "ERR wrong number of arguments for 'command|" + lower(string(sub)) + "' command"
	}
	return ""
}

// runCommand has its subcommands in here, because COMMAND alone is a command, too.
func runCommand(c *conn, args [][]byte) {
	if len(args) == 1 {
		c.everyCommand()
		return
	}
	switch {
	case is(args[1], "COUNT"):
		c.out = respwire.AppendInteger(c.out, int64(len(c.door.table().shown())))
	case is(args[1], "LIST"):
		c.commandList(args)
	case is(args[1], "INFO"):
		c.commandInfo(args[2:])
	case is(args[1], "DOCS"):
		c.commandDocs(args[2:])
	case is(args[1], "GETKEYS"):
		c.commandKeys(args[2:], false)
	case is(args[1], "GETKEYSANDFLAGS"):
		c.commandKeys(args[2:], true)
	case is(args[1], "HELP"):
		c.help("COMMAND", "(no subcommand)", "COUNT", "DOCS [<command-name> ...]", "GETKEYS <full-command>",
			"GETKEYSANDFLAGS <full-command>", "INFO [<command-name> ...]", "LIST", "HELP")
	}
}

// shown returns the rows that clients are told of.
func (t *table) shown() []*row {
	var rows []*row
	for i := range t.rows {
		if t.rows[i].flags&hidden == 0 {
			rows = append(rows, &t.rows[i])
		}
	}
	return rows
}

func (c *conn) everyCommand() {
	rows := c.door.table().shown()
	c.out = respwire.AppendArray(c.out, len(rows))
	for _, r := range rows {
		c.commandRow(r, r.name)
	}
}

func (c *conn) commandInfo(names [][]byte) {
	if len(names) == 0 {
		c.everyCommand()
		return
	}
	c.out = respwire.AppendArray(c.out, len(names))
	for _, n := range names {
		name, sub, _ := strings.Cut(string(n), "|")
		r := c.door.table().find([]byte(name))
		if r != nil && sub != "" {
			name = r.name + "|" + sub
			r = r.sub([]byte(sub))
		} else if r != nil {
			name = r.name
		}
		if r == nil || r.flags&hidden != 0 {
			c.null()
			continue
		}
		c.commandRow(r, name)
	}
}

// commandRow is one command as COMMAND INFO shows it.
func (c *conn) commandRow(r *row, name string) {
	c.out = respwire.AppendArray(c.out, 10)
	c.out = respwire.AppendBulkString(c.out, lower(name))
	c.out = respwire.AppendInteger(c.out, int64(r.arity))
	c.words(r.words())
	c.out = respwire.AppendInteger(c.out, int64(r.first))
	c.out = respwire.AppendInteger(c.out, int64(r.last))
	c.out = respwire.AppendInteger(c.out, int64(r.step))
	c.words(r.categories())
	c.none()
	c.keySpecs(r)
	c.out = respwire.AppendArray(c.out, len(r.subs))
	for i := range r.subs {
		c.commandRow(&r.subs[i], name+"|"+r.subs[i].name)
	}
}

func (c *conn) words(ws []string) {
	c.out = c.proto.AppendSet(c.out, len(ws))
	for _, w := range ws {
		c.out = respwire.AppendSimple(c.out, w)
	}
}

func (r *row) words() (ws []string) {
	for _, w := range words {
		if r.flags&w.flag != 0 {
			ws = append(ws, w.word)
		}
	}
	return ws
}

// categories are the command's classes in access control lists.
func (r *row) categories() (cs []string) {
	for _, w := range []struct {
		flag flag
		word string
	}{{write, "@write"}, {readonly, "@read"}, {admin, "@admin"}, {admin, "@dangerous"}, {pubsub, "@pubsub"}, {fast, "@fast"}} {
		if r.flags&w.flag != 0 {
			cs = append(cs, w.word)
		}
	}
	if r.flags&fast == 0 {
		cs = append(cs, "@slow")
	}
	return cs
}

// keySpecs tells where keys stand, as far as three numbers can.
func (c *conn) keySpecs(r *row) {
	if r.first == 0 {
		c.none()
		return
	}
	access := "RO"
	if r.flags&write != 0 {
		access = "RW"
	}
	last := r.last
	if last > 0 {
		last -= r.first
	}
	c.out = respwire.AppendArray(c.out, 1)
	c.out = c.proto.AppendMap(c.out, 3)
	c.out = respwire.AppendBulkString(c.out, "flags")
	c.words([]string{access, "access"})
	c.out = respwire.AppendBulkString(c.out, "begin_search")
	c.out = c.proto.AppendMap(c.out, 2)
	c.pair("type", "index")
	c.out = respwire.AppendBulkString(c.out, "spec")
	c.out = c.proto.AppendMap(c.out, 1)
	c.out = respwire.AppendBulkString(c.out, "index")
	c.out = respwire.AppendInteger(c.out, int64(r.first))
	c.out = respwire.AppendBulkString(c.out, "find_keys")
	c.out = c.proto.AppendMap(c.out, 2)
	c.pair("type", "range")
	c.out = respwire.AppendBulkString(c.out, "spec")
	c.out = c.proto.AppendMap(c.out, 3)
	for _, p := range []struct {
		name string
		n    int
	}{{"lastkey", last}, {"keystep", r.step}, {"limit", 0}} {
		c.out = respwire.AppendBulkString(c.out, p.name)
		c.out = respwire.AppendInteger(c.out, int64(p.n))
	}
}

func (c *conn) commandList(args [][]byte) {
	keep := func(*row) bool { return true }
	switch {
	case len(args) == 2:
	case len(args) == 5 && is(args[2], "FILTERBY") && is(args[3], "PATTERN"):
		keep = func(r *row) bool { return topics.Match(lower(string(args[4])), lower(r.name)) }
	case len(args) == 5 && is(args[2], "FILTERBY") && is(args[3], "ACLCAT"):
		keep = func(r *row) bool { return slices.Contains(r.categories(), "@"+lower(string(args[4]))) }
	case len(args) == 5 && is(args[2], "FILTERBY") && is(args[3], "MODULE"):
		keep = func(*row) bool { return false }
	default:
		c.out = respwire.AppendError(c.out, string(errSyntax))
		return
	}
	var names []string
	for _, r := range c.door.table().shown() {
		if keep(r) {
			names = append(names, lower(r.name))
		}
	}
	if len(args) == 2 {
		c.out = c.proto.AppendSet(c.out, len(names))
	} else {
		c.out = respwire.AppendArray(c.out, len(names))
	}
	for _, n := range names {
		c.out = respwire.AppendBulkString(c.out, n)
	}
}

// commandDocs tells what redis-cli needs for its hints: that there is such a command.
func (c *conn) commandDocs(names [][]byte) {
	var rows []*row
	for _, n := range names {
		if r := c.door.table().find(n); r != nil && r.flags&hidden == 0 {
			rows = append(rows, r)
		}
	}
	if len(names) == 0 {
		rows = c.door.table().shown()
	}
	c.out = c.proto.AppendMap(c.out, len(rows))
	for _, r := range rows {
		c.out = respwire.AppendBulkString(c.out, lower(r.name))
		c.out = c.proto.AppendMap(c.out, 3)
		c.pair("summary", "See the documentation of the command in Valkey.")
		c.pair("since", "1.0.0")
		c.pair("group", r.group())
	}
}

// group is the family of a command in Redis's words.
func (r *row) group() string {
	switch {
	case r.flags&pubsub != 0:
		return "pubsub"
	case r.flags&noAuth != 0:
		return "connection"
	case r.flags&(write|readonly) != 0:
		return "generic"
	}
	return "server"
}

func (c *conn) commandKeys(args [][]byte, flags bool) {
	r := c.door.table().find(args[0])
	if r != nil && r.subs != nil && len(args) > 1 {
		r = r.sub(args[1])
	}
	switch {
	case r == nil || r.flags&hidden != 0:
		c.out = respwire.AppendError(c.out, "ERR Invalid command specified")
		return
	case r.first == 0 && r.keys == nil:
		c.out = respwire.AppendError(c.out, "ERR The command has no key arguments")
		return
	case !r.takes(len(args)):
		c.out = respwire.AppendError(c.out, "ERR Invalid number of arguments specified for command")
		return
	}
	keys := r.keyArgs(args)
	if len(keys) == 0 {
		c.out = respwire.AppendError(c.out, "ERR Invalid arguments specified for command")
		return
	}
	if !flags {
		c.bulks(keys)
		return
	}
	access := "RO"
	if r.flags&write != 0 {
		access = "RW"
	}
	c.out = respwire.AppendArray(c.out, len(keys))
	for _, k := range keys {
		c.out = respwire.AppendArray(c.out, 2)
		c.out = respwire.AppendBulk(c.out, k)
		c.words([]string{access, "access"})
	}
}
