package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/crowd"
	"github.com/hearthcache/hearth/origin"
)

const crowdGCPercent = 400

type crowdCommand struct {
	remote
	Scene string   `arg:"" optional:"" default:"launch" enum:"launch,figure" help:"The day that is played: launch, or figure (five invocations over three environments)."`
	Addr  []string `placeholder:"HOST:PORT" help:"Gateways of a fleet: environments are spread over them. Default: the one of --endpoint."`
	RESP  []string `name:"resp" placeholder:"HOST:PORT" help:"RESP addresses of the same gateways, in the same order: environments are Redis clients. Default: they speak gRPC."`
	Model bool     `help:"Play in virtual time, without a server: 10,000 environments take a second, a million a minute."`

	Environments int           `short:"n" default:"500" help:"How many environments the crowd needs at once."`
	Seed         uint64        `default:"1" help:"Equal seeds are equal days."`
	Spread       time.Duration `default:"2s" help:"Over which time the crowd arrives."`
	Reads        int           `default:"3" help:"Items that an invocation reads: the launched one, and others."`
	Keys         int           `default:"1000" help:"The others that there are."`
	Zipf         float64       `default:"1.1" help:"How unevenly the others are wanted: the exponent of Zipf's law."`
	Value        byteSize      `default:"1KiB" help:"Size of an item."`
	Latency      time.Duration `default:"50ms" help:"What the origin takes for a load."`
	Parallel     int           `default:"0" help:"Loads that the origin answers at once; others queue, as before a database. 0 is any number."`

	Strategy     []string `enum:"local,aside,collapse,origin" placeholder:"local,aside,collapse,origin" help:"What is compared. Default: all."`
	Origin       string   `placeholder:"TEMPLATE" help:"Pass loads on to this origin, where item-0, item-1 and so on are: http://127.0.0.1:9000/bucket/{key}, s3://BUCKET/{key} or dynamodb://TABLE/ATTRIBUTE/{key}?value=ATTRIBUTE, with the AWS credentials of the environment; --latency is the least that a load then takes. Default: an origin of the command's own."`
	OriginListen string   `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where loads are counted; hearth must reach it, and may (--origin-allow)."`

	Plot           string   `placeholder:"FILE" help:"Draw the origin's loads over the day as SVG."`
	PriceBook      string   `placeholder:"FILE" help:"Prices of the parts s3, dynamodb, hearth and lambda. Default: list prices; --prices prints them."`
	PricedAs       string   `default:"s3" enum:"s3,dynamodb" help:"Which price a load has: ${enum}."`
	FunctionMemory byteSize `default:"512MiB" help:"Memory of an environment, for the price of its waiting."`
	Prices         bool     `help:"Print the price book and end."`
}

// Help implements kong.HelpProvider.
func (*crowdCommand) Help() string {
	return `A product goes live. A crowd of callers arrives within two seconds, and the function platform starts an environment for
each: cold, with an empty cache of its own, one invocation at a time. All want the same item. How often is it loaded?

  hearth serve --origin-allow 127.0.0.0/8    in one terminal (or: make run)
  hearth crowd                               in another: the same day with each strategy, half a minute
  hearth crowd figure                        five invocations over three environments, each told
  hearth crowd --model -n 10000              in virtual time, without a server
  hearth crowd --plot crowd.svg              and a chart
  hearth crowd -n 2000 --resp 127.0.0.1:6379 environments are Redis clients
  hearth crowd --addr A:8080 --addr B:8080   environments spread over the gateways of a fleet

The strategies:

  local      each environment has a cache of its own, nothing else
  aside      read-aside: get from hearth; on a miss load from the origin and set
  collapse   the same callers; the cache has collapse=on: one of them loads, others wait for its set
  origin     the same callers; the cache has an origin: hearth loads, and every caller gets a hit

The crowd makes caches named hearth-crowd-… and deletes them. Latencies are of reads that leave their environment, from the
last byte sent on an open connection to the value; opening connections is shown apart.`
}

// Run plays the day and prints the comparison.
func (c *crowdCommand) Run(ctx context.Context, k *kong.Context) error {
	if c.Prices {
		fmt.Fprint(k.Stdout, listPrices)
		return nil
	}
	prices, err := c.priceBook()
	if err != nil {
		return err
	}
	if err := checkPlot(c.Plot); err != nil {
		return err
	}
	behind, err := c.behind()
	if err != nil {
		return err
	}
	if !c.Model { // the crowd shares the machine with what it measures: its garbage may wait
		defer debug.SetGCPercent(debug.SetGCPercent(crowdGCPercent))
	}
	report, err := crowd.Run(ctx, crowd.Options{
		Scene: c.scene(), Strategies: c.Strategy, Model: c.Model,
		Connect: c.connect, Gateways: max(1, len(c.Addr)), RESP: c.RESP, Key: c.Key,
		Cache: "hearth-crowd", OriginListen: c.OriginListen, Behind: behind,
		Progress: crowdProgress(k.Stderr),
	})
	if err != nil {
		return err
	}
	bills := c.bills(prices, report)
	if c.Output == "json" {
		e := json.NewEncoder(k.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(map[string]any{"report": report, "currency": prices.Currency, "cost_per_million_invocations": bills})
	} else {
		printCrowd(k.Stdout, report, prices.Currency, bills)
	}
	if err != nil || c.Plot == "" {
		return err
	}
	return writeFile(c.Plot, report.Plot)
}

func (c *crowdCommand) scene() crowd.Scene {
	if c.Scene == "figure" {
		s := crowd.Figure()
		s.Latency, s.ValueBytes = c.Latency, int(c.Value)
		return s
	}
	s := crowd.Launch(c.Environments, c.Spread)
	s.Seed, s.Reads, s.Keys, s.Zipf = c.Seed, c.Reads, c.Keys, c.Zipf
	s.ValueBytes, s.Latency, s.Parallel = int(c.Value), c.Latency, c.Parallel
	return s
}

// behind returns what loads from --origin, nil where there is none. Whoever calls the command may reach what it can.
func (c *crowdCommand) behind() (func(context.Context, string) ([]byte, error), error) {
	if c.Origin == "" {
		return nil, nil
	}
	switch scheme, _, _ := strings.Cut(c.Origin, "://"); scheme {
	case "http", "https", "s3", "dynamodb":
	default:
		return nil, fmt.Errorf("--origin %s: the crowd's origin may be http, https, s3 or dynamodb", c.Origin)
	}
	everywhere := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	o, err := origin.New(origin.Options{Allow: everywhere, Signed: []string{c.Origin}, Getenv: os.Getenv}).Open(c.Origin)
	if err != nil {
		return nil, fmt.Errorf("--origin %s: %w", c.Origin, err)
	}
	return func(ctx context.Context, key string) ([]byte, error) {
		v, _, err := o.Load(ctx, []byte(key))
		return v, err
	}, nil
}

// crowdTimeout bounds each request of an environment: longer than any wait for somebody else's load.
const crowdTimeout = 30 * time.Second

// connect returns the client of environment n.
func (c *crowdCommand) connect(n int) (*client.Client, error) {
	r := c.remote
	r.Timeout = max(r.Timeout, crowdTimeout)
	if len(c.Addr) > 0 {
		r.Endpoint = c.Addr[n%len(c.Addr)]
	}
	return r.dial()
}

// checkPlot refuses a chart that could not be written, before minutes are spent on what it would show.
func checkPlot(name string) error {
	if name == "" {
		return nil
	}
	if filepath.Ext(name) != ".svg" {
		return fmt.Errorf("--plot %s: charts are SVG: name the file .svg", name)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	return f.Close()
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	return f.Close()
}

// progressPause is how often a line is written where lines stay.
const progressPause = 2 * time.Second

// crowdProgress shows how far a day is: in place on a terminal, else a line now and then.
func crowdProgress(w io.Writer) func(crowd.Progress) {
	terminal := isTerminal(w)
	last, end := time.Now(), "\n"
	if terminal {
		end = "\033[K\r"
	}
	return func(p crowd.Progress) {
		if !terminal && p.Done < 1 && time.Since(last) < progressPause {
			return
		}
		last = time.Now()
		text := fmt.Sprintf("%-30s %3.0f %%  %7d environments  %8d reads  %7d loads from the origin", p.Strategy, 100*p.Done, p.Environments, p.Reads, p.OriginLoads)
		if p.Done == 1 && terminal {
			text = strings.Repeat(" ", len(text))
		}
		fmt.Fprint(w, text, end)
	}
}
