package main

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The default listeners, where each kind of client looks by itself.
const (
	defaultListen   = "127.0.0.1:8080"
	defaultRESP     = "127.0.0.1:6379"
	defaultMemcache = "127.0.0.1:11211"
	defaultAdmin    = "127.0.0.1:9091"
	defaultFaults   = "127.0.0.1:9090"
)

// serveOptions are the settings of the server: flags, HEARTH_* variables, and keys of the config file.
// An empty address is its default, which is left closed where it is taken; "off" closes it on purpose.
type serveOptions struct {
	Listen    string   `env:"HEARTH_LISTEN" placeholder:"127.0.0.1:8080" help:"Address for gRPC, gRPC-Web and HTTP."`
	RESP      string   `name:"resp" env:"HEARTH_RESP" placeholder:"127.0.0.1:6379" help:"Address for Redis and Valkey clients, or off."`
	Memcache  string   `env:"HEARTH_MEMCACHE" placeholder:"127.0.0.1:11211" help:"Address for memcached clients, or off."`
	Admin     string   `env:"HEARTH_ADMIN" placeholder:"127.0.0.1:9091" help:"Address for metrics and profiles, or off."`
	Data      string   `env:"HEARTH_DATA" placeholder:"DIR" help:"Folder for caches' settings, keys and usage; without it they end with the process."`
	Ephemeral bool     `env:"HEARTH_EPHEMERAL" help:"Run without --data on an address other than loopback."`
	NoAuth    bool     `name:"danger-no-auth" env:"HEARTH_DANGER_NO_AUTH" help:"Serve without authentication on an address other than loopback: anybody who reaches it may do anything."`
	Auth      bool     `env:"HEARTH_AUTH" help:"Require credentials on loopback too; elsewhere they always are."`
	MaxMemory byteSize `env:"HEARTH_MAX_MEMORY" placeholder:"SIZE" needs:"engine=local" help:"Memory for items, keys and index together, such as 512MB or 4GiB, at least 64KiB. Default: a quarter of the machine or of its cgroup."`
	Endpoint  string   `env:"HEARTH_ENDPOINT" placeholder:"DOMAIN" help:"Base host name that keys carry: SDKs connect to cache.DOMAIN and so on. Default: the listening address."`
	engineOptions
	tlsOptions
	PriceBook    string        `env:"HEARTH_PRICE_BOOK" placeholder:"FILE" help:"Prices that turn usage into money, for hearth usage."`
	WebhookAllow []network     `env:"HEARTH_WEBHOOK_ALLOW" placeholder:"CIDR" help:"Networks that webhooks may reach beside the public internet, such as 10.1.0.0/16."`
	OriginAllow  []network     `env:"HEARTH_ORIGIN_ALLOW" placeholder:"CIDR" help:"Networks that caches' origins may be in beside the public internet, such as 10.1.0.0/16."`
	OriginSigned []string      `env:"HEARTH_ORIGIN_SIGNED" placeholder:"PREFIX" help:"S3 and DynamoDB origins, by how they begin, that may use the AWS credentials of the environment, such as s3://bucket/."`
	OriginLogin  []secretURL   `env:"HEARTH_ORIGIN_LOGIN" placeholder:"URL" help:"Databases that caches' origins may ask, each with its user: postgres://user:password@host/database?sslmode=require, or mysql://. Better in the environment than as a flag, which others on this machine can see."`
	DevFaults    bool          `env:"HEARTH_DEV_FAULTS" help:"Inject faults that clients ask for by metadata, and serve the block/unblock port 127.0.0.1:9090. For tests, on loopback only."`
	SlowLog      time.Duration `env:"HEARTH_SLOW_LOG" placeholder:"DURATION" help:"Log requests that take at least this long. Default: none."`
	TraceTo      string        `env:"HEARTH_TRACE_TO" placeholder:"URL" help:"Send OpenTelemetry traces to this OTLP collector, such as http://127.0.0.1:4318."`
	TraceShare   float64       `env:"HEARTH_TRACE_SHARE" default:"0.01" needs:"trace-to" help:"Share of traces to keep that begin here, 0 to 1; one that comes in with a request follows its own decision."`
	Drain        time.Duration `env:"HEARTH_DRAIN" default:"10s" help:"How long requests in flight may take to finish after SIGTERM."`
	LogLevel     string        `env:"HEARTH_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" help:"Least level that is logged: debug, info, warn or error."`
	LogFormat    string        `env:"HEARTH_LOG_FORMAT" default:"text" enum:"text,json" help:"How log lines look: text or json."`
}

// address returns where a listener goes, whether it was asked for, and whether it is open at all.
func address(given, byDefault string) (addr string, asked, open bool) {
	switch given {
	case "":
		return byDefault, false, true
	case "off":
		return "", true, false
	}
	return given, true, true
}

// loopback reports whether an address is reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// byteSize is a number of bytes that people write with a unit.
type byteSize int64

// UnmarshalText reads 1048576, 512KB, 512MB, 4GiB and the like; decimal units are powers of 1000, binary ones of 1024.
func (b *byteSize) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	digits := strings.TrimRight(s, "kKmMgGtTiIbB ")
	unit := strings.ToLower(strings.TrimSpace(s[len(digits):]))
	factor, ok := units[unit]
	n, err := strconv.ParseFloat(digits, 64)
	if inRange := n >= 0 && n*factor <= math.MaxInt64/2; err != nil || !ok || !inRange { // no comparison holds for NaN
		return fmt.Errorf("%q is not a size; write bytes, or a number with KB, MB, GB, KiB, MiB or GiB", s)
	}
	*b = byteSize(n * factor)
	return nil
}

// network is a CIDR prefix, or one address.
type network netip.Prefix

// UnmarshalText reads 10.1.0.0/16, or 10.1.2.3 for that address alone.
func (n *network) UnmarshalText(text []byte) error {
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		var a netip.Addr
		if a, err = netip.ParseAddr(string(text)); err == nil {
			p = netip.PrefixFrom(a, a.BitLen())
		}
	}
	if err != nil {
		return fmt.Errorf("%q is not a network; write one such as 10.1.0.0/16 or fd00::/8, or an address", text)
	}
	*n = network(p)
	return nil
}

// String is what UnmarshalText reads.
func (n network) String() string { return netip.Prefix(n).String() }

func prefixes(ns []network) []netip.Prefix {
	out := make([]netip.Prefix, len(ns))
	for i, n := range ns {
		out[i] = netip.Prefix(n)
	}
	return out
}

// secret is a text that String leaves out.
type secret string

func (s secret) String() string {
	if s == "" {
		return ""
	}
	return "xxxxx"
}

// hidden reports whether a setting's text does not tell all of it.
func hidden(v any) bool {
	switch v.(type) {
	case secret, []secretURL:
		return true
	}
	return false
}

// secretURL is a URL with a password, which String leaves out.
type secretURL string

func (s secretURL) String() string {
	u, err := url.Parse(string(s))
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}

var units = map[string]float64{
	"": 1, "b": 1,
	"k": 1 << 10, "kb": 1e3, "kib": 1 << 10,
	"m": 1 << 20, "mb": 1e6, "mib": 1 << 20,
	"g": 1 << 30, "gb": 1e9, "gib": 1 << 30,
	"t": 1 << 40, "tb": 1e12, "tib": 1 << 40,
}
