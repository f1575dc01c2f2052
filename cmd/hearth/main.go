// Command hearth is the server, `hearth serve`, and the command line for a running one. It alone reads flags,
// environment and files, and it alone knows every package: it copies settings into each part's Options, starts the
// parts, and waits for them. It holds no behaviour of a cache.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// configured is the flag that every command has.
type configured struct {
	ConfigFile string `name:"config" short:"c" env:"HEARTH_CONFIG" placeholder:"FILE" help:"Read settings from this TOML file; flags and HEARTH_* variables are stronger."`
}

// serving is the command line of `hearth serve` alone: a server starts faster that need not know the other commands.
type serving struct {
	configured
	Serve serveCommand `cmd:"" help:"Serve caches and topics to Momento SDKs, Redis and memcached clients, and HTTP."`
}

// commands is the command line: one field a command, each with the help that teaches it.
type commands struct {
	serving

	Cache   cacheCommands  `cmd:"" help:"Create, list, flush and delete caches."`
	Item    itemCommands   `cmd:"" help:"Read and write single items."`
	Tag     tagCommands    `cmd:"" help:"Invalidate items by their tags."`
	Explain explainCommand `cmd:"" help:"Tell what would happen to a read of a key now, and why."`
	Claim   claimCommands  `cmd:"" help:"Pass payloads that are too big for a message as tickets of 100 bytes."`
	Topic   topicCommands  `cmd:"" help:"Publish to topics, subscribe to them, list those in use."`
	Webhook hookCommands   `cmd:"" help:"Have the messages of a topic posted to a URL."`
	Key     keyCommands    `cmd:"" help:"Create, list and revoke API keys."`
	Token   tokenCommands  `cmd:"" help:"Create disposable tokens."`
	Usage   usageCommand   `cmd:"" help:"Show what was used, by cache, and what it costs."`
	Config  configCommands `cmd:"" help:"Show what the server would run with."`
	Crowd   crowdCommand   `cmd:"" help:"Replay a launch day: how often is one item loaded, with a local cache, read-aside, and one load?"`
	Trace   traceCommands  `cmd:"" help:"Replay traces of real caches: what hit ratio would this memory buy?"`
	Fleet   fleetCommands  `cmd:"" help:"Start, show and stop a local fleet: gateways over a cluster of Valkey or Redis servers."`
	Version versionCommand `cmd:"" help:"Print the version."`
	Shell   shellCommand   `cmd:"" name:"completion" help:"Print a completion script for a shell."`
}

const about = `hearth is a central cache that every function, container and edge worker of a backend shares.

  hearth serve                       start on this machine, nothing to configure
  hearth cache create prices         make a cache
  hearth item set prices k v         put an item, from any client
  hearth item get prices k           read it: exit code 0 is a hit, 1 a miss

Clients need no change: point Momento SDKs at 127.0.0.1:8080 (their "local" provider), Redis clients at
127.0.0.1:6379, memcached clients at 127.0.0.1:11211.`

// Exit codes, for scripts.
const (
	exitMiss  = 1 // the item is not there
	exitUsage = 2 // the words of the call are wrong
	exitError = 3 // something failed
)

// errMiss ends a command whose item was not there: nothing is printed, the exit code tells.
var errMiss = errors.New("miss")

// usageError is an error in the words of the call that the parser does not find.
type usageError struct{ error }

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var line any = &commands{}
	if len(args) > 0 && args[0] == "serve" {
		line = &serving{}
	}
	parser, err := kong.New(line,
		kong.Name("hearth"), kong.Description(about), kong.UsageOnError(),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(decodeDuration)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hearth:", err)
		return exitError
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == "help" {
		args = append(args[1:], "--help")
	}
	args = joinNegative(args)
	file, err := readConfigFile(configPath(args))
	if err != nil {
		fmt.Fprintln(os.Stderr, "hearth:", err)
		return exitUsage
	}
	parser.Exit = os.Exit
	kong.Resolvers(file).Apply(parser)
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "hearth: %v\n", err)
		if strings.Contains(err.Error(), "unknown flag") {
			fmt.Fprintln(os.Stderr, "A key, a value or a number that begins with - comes behind --, after all flags.")
		}
		fmt.Fprintln(os.Stderr, "Run `hearth --help`, or a command with --help, to see what is allowed.")
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(file, k)
	var usage usageError
	switch err := k.Run(); {
	case errors.Is(err, errMiss):
		return exitMiss
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "hearth:", usage)
		return exitUsage
	case err != nil:
		fmt.Fprintln(os.Stderr, "hearth:", err)
		if errors.Is(err, syscall.ECONNREFUSED) {
			fmt.Fprintln(os.Stderr, "Nothing listens there: `hearth serve` starts a server, --endpoint names one that runs.")
		}
		return exitError
	}
	return 0
}

// joinNegative joins a flag and a negative number behind it, which the parser would take for further flags: whoever checks
// the value says better what is wrong with it.
func joinNegative(args []string) []string {
	var out []string
	for i, a := range args {
		if a == "--" {
			return append(out, args[i:]...)
		}
		last := len(out) - 1
		switch negative := len(a) > 1 && a[0] == '-' && a[1] >= '0' && a[1] <= '9'; {
		case negative && last >= 0 && strings.HasPrefix(out[last], "--") && !strings.Contains(out[last], "="):
			out[last] += "=" + a
		case negative && last >= 0 && len(out[last]) == 2 && out[last][0] == '-':
			out[last] += a
		default:
			out = append(out, a)
		}
	}
	return out
}

// decodeDuration reads the durations of flags and settings; its error says what one looks like.
func decodeDuration(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a duration; write numbers with units, such as 500ms, 10s or 1h30m", text)
	}
	if d < 0 {
		return fmt.Errorf("%s is less than 0s", text)
	}
	target.SetInt(int64(d))
	return nil
}
