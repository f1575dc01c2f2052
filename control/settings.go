package control

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
)

// Setting is one setting of a cache: the index of its row in Table.
type Setting uint8

// The settings of a cache. A new one takes a line here and a row in Table.
const (
	RequestRate Setting = iota
	Throughput
	ItemBytes
	ElementBytes
	TTLMax
	TTLDefault
	MemoryFloor
	MemoryCeiling
	MemoryWeight
	Connections
	Subscriptions
	PublishRate
	MessageBytes
	Feed
	Collapse
	CollapseWait
	CollapseLoad
	Origin
	OriginKeys
	OriginTimeout
	OriginRetries
	OriginConcurrency
	OriginBreaker
	OriginError
	Freshness
	Fresh
	FreshJitter
	StaleWhileRevalidate
	StaleIfError
	RefreshEarly
	NegativeAbsent
	NegativeRefused
	NegativeFailed
	ClaimBytes
	ClaimTTL
	ClaimReserve
	settingCount
)

// SettingKind says how the text of a setting is read.
type SettingKind uint8

// The kinds of settings.
const (
	Number   SettingKind = iota // 1000, 1k, 1M
	Bytes                       // 5000000, 5MB, 64KiB
	Duration                    // 250ms, 90s, 24h; kept in milliseconds
	Switch                      // on, off
	Text                        // as it is; Check may refuse it
)

// Row says everything about one setting.
type Row struct {
	Name    string
	Kind    SettingKind
	Unit    string // shown to people
	Min     int64
	Max     int64
	Default int64
	Text    string             // the default of a Text
	Check   func(string) error // of a Text; nil takes any
	Doc     string
}

// Table lists the settings: the command line, the HTTP API, the config file and the docs read this one table.
var Table = [settingCount]Row{
	RequestRate:   {Name: "request-rate", Unit: "requests/s", Max: math.MaxInt32, Doc: "commands a second over all protocols; 0 is no limit"},
	Throughput:    {Name: "throughput", Kind: Bytes, Unit: "bytes/s", Max: math.MaxInt64 >> 16, Doc: "keys and values a second, in and out together; 0 is no limit"},
	ItemBytes:     {Name: "item-bytes", Kind: Bytes, Unit: "bytes", Min: 1, Max: hearth.ValueBytesMax, Default: hearth.ItemBytesDefault, Doc: "key and values of one write; once set, of the whole item, so that collections cannot grow past it"},
	ElementBytes:  {Name: "element-bytes", Kind: Bytes, Unit: "bytes", Max: hearth.ElementBytesMax, Doc: "one element of a collection; 0 is no limit but item-bytes"},
	TTLMax:        {Name: "ttl-max", Kind: Duration, Unit: "time", Min: 1, Max: ttlMillisMax, Default: hearth.TTLMax.Milliseconds(), Doc: "the longest time to live that Momento's clients and HTTP may ask for; once set, it also shortens what RESP and memcached ask for"},
	TTLDefault:    {Name: "ttl-default", Kind: Duration, Unit: "time", Max: ttlMillisMax, Doc: "time to live of items written over RESP or memcached without one; 0 lets them stay until evicted"},
	MemoryFloor:   {Name: "memory-floor", Kind: Bytes, Unit: "bytes", Max: math.MaxInt64 >> 16, Doc: "memory that other caches cannot take"},
	MemoryCeiling: {Name: "memory-ceiling", Kind: Bytes, Unit: "bytes", Max: math.MaxInt64 >> 16, Doc: "memory that the cache may not pass: it evicts its own items; 0 is no limit"},
	MemoryWeight:  {Name: "memory-weight", Min: 1, Max: 1000, Default: 1, Doc: "share of the memory that floors leave"},
	Connections:   {Name: "connections", Unit: "connections", Max: math.MaxInt32, Doc: "open RESP and memcached connections; 0 is no limit"},
	Subscriptions: {Name: "subscriptions", Unit: "subscriptions", Max: math.MaxInt32, Doc: "open subscriptions to topics; 0 is no limit"},
	PublishRate:   {Name: "publish-rate", Unit: "messages/s", Max: math.MaxInt32, Doc: "messages published a second; 0 is no limit"},
	MessageBytes:  {Name: "message-bytes", Kind: Bytes, Unit: "bytes", Min: 1, Max: hearth.MessageBytesMax, Default: hearth.MessageBytesMax, Doc: "one published message"},
	Feed:          {Name: "feed", Kind: Switch, Max: 1, Doc: "tell what happens to items on the topic $hearth/changes"},
	Collapse:      {Name: "collapse", Kind: Switch, Max: 1, Doc: "while one caller loads a missing item, others that ask for it wait for its set instead of loading too"},
	CollapseWait:  {Name: "collapse-wait", Kind: Duration, Unit: "time", Min: 1, Max: 5 * 60 * 1000, Default: 2500, Doc: "the longest that a caller waits for another one's set; its own deadline is stronger"},
	CollapseLoad:  {Name: "collapse-load", Kind: Duration, Unit: "time", Min: 1, Max: 5 * 60 * 1000, Default: 1000, Doc: "how long a caller may take to load a missing item before the next one is told to"},

	Origin:            {Name: "origin", Kind: Text, Check: checkOrigin, Doc: "where hearth itself loads a missing item: https://host/path/{key}, s3://bucket/{key}, dynamodb://table/attribute/{key}?value=attribute, or postgres://host/database?query=SELECT … {key} (or mysql)"},
	OriginKeys:        {Name: "origin-keys", Kind: Text, Doc: "prefixes of the keys that are loaded, separated by commas; empty is every key"},
	OriginTimeout:     {Name: "origin-timeout", Kind: Duration, Unit: "time", Min: 1, Max: 60 * 1000, Default: 2000, Doc: "how long one request to the origin may take"},
	OriginRetries:     {Name: "origin-retries", Unit: "requests", Max: 10, Default: 1, Doc: "requests beyond the first where the origin fails"},
	OriginConcurrency: {Name: "origin-concurrency", Unit: "requests", Min: 1, Max: 10_000, Default: 64, Doc: "requests to the origin at once"},
	OriginBreaker:     {Name: "origin-breaker", Unit: "failures", Max: 1000, Default: 5, Doc: "failed requests in a row after which the origin is left alone for a while; 0 is never"},
	OriginError:       {Name: "origin-error", Kind: Text, Text: OriginErrorMiss, Check: checkOriginError, Doc: "what callers get where the origin fails and nothing stale may be served: miss or unavailable"},

	Freshness:            {Name: "freshness", Kind: Text, Check: checkFreshness, Doc: "a preset for the settings below: exact, balanced or resilient; each can still be set"},
	Fresh:                {Name: "fresh", Kind: Duration, Unit: "time", Max: ttlMillisMax, Doc: "how long a loaded item is fresh; 0 is what the origin says, or 5m"},
	FreshJitter:          {Name: "fresh-jitter", Unit: "%", Max: 50, Default: 10, Doc: "up to how much of its fresh time an item gets less, so that items do not end together"},
	StaleWhileRevalidate: {Name: "stale-while-revalidate", Kind: Duration, Unit: "time", Max: staleMillisMax, Doc: "how long after its fresh time an item is served while hearth loads it again"},
	StaleIfError:         {Name: "stale-if-error", Kind: Duration, Unit: "time", Max: staleMillisMax, Doc: "how long after its fresh time an item is served where the origin fails"},
	RefreshEarly:         {Name: "refresh-early", Kind: Switch, Max: 1, Doc: "load hot items again shortly before their fresh time ends (XFetch)"},
	NegativeAbsent:       {Name: "negative-absent", Kind: Duration, Unit: "time", Max: 60 * 60 * 1000, Default: 1000, Doc: "how long it is believed that the origin has no such item"},
	NegativeRefused:      {Name: "negative-refused", Kind: Duration, Unit: "time", Max: 60 * 60 * 1000, Default: 5000, Doc: "how long the origin is not asked again for an item that it refused, or that is too large"},
	NegativeFailed:       {Name: "negative-failed", Kind: Duration, Unit: "time", Max: 60 * 1000, Default: 500, Doc: "how long the origin is not asked again for an item after it failed; doubles with each failure, up to a minute"},

	ClaimBytes:   {Name: "claim-bytes", Kind: Bytes, Unit: "bytes", Min: 1, Max: hearth.ClaimBytesMax, Default: hearth.ClaimBytesDefault, Doc: "one payload behind a claim check"},
	ClaimTTL:     {Name: "claim-ttl", Kind: Duration, Unit: "time", Min: 1000, Max: hearth.ClaimTTLMax.Milliseconds(), Default: hearth.TTLMax.Milliseconds(), Doc: "the longest time to live of a payload behind a claim check, and of permissions to bring one"},
	ClaimReserve: {Name: "claim-reserve", Kind: Bytes, Unit: "bytes", Max: math.MaxInt64 >> 16, Default: hearth.ClaimReserveDefault, Doc: "payloads behind claim checks that are not evicted; of all caches together at most half of the memory"},
}

const (
	ttlMillisMax   = 100 * 365 * 24 * 3600 * 1000 // a hundred years
	staleMillisMax = 30 * 24 * 3600 * 1000
)

// Settings holds what was set of a cache, or of the account for caches that say nothing. It is never changed in place;
// the zero Settings says nothing.
type Settings struct {
	given   uint64
	numbers [settingCount]int64
	texts   map[Setting]string
}

const _ = uint(64 - settingCount) // given has a bit for each

// Given reports whether the setting was set here.
func (s *Settings) Given(k Setting) bool { return s.given&(1<<k) != 0 }

// Over returns s with the account's settings where s says nothing.
func (s *Settings) Over(account *Settings) Settings {
	n := *account
	n.texts = map[Setting]string{}
	for _, from := range []*Settings{account, s} {
		for k := range settingCount {
			if from.Given(k) {
				n.given |= 1 << k
				n.numbers[k] = from.numbers[k]
				n.texts[k] = from.texts[k]
			}
		}
	}
	return n
}

// Int returns a number, a size in bytes, or a duration in milliseconds; where nothing was set, what the preset says, or
// the default.
func (s *Settings) Int(k Setting) int64 {
	if s.Given(k) {
		return s.numbers[k]
	}
	if n, ok := presets[s.texts[Freshness]][k]; ok {
		return n
	}
	return Table[k].Default
}

// Duration returns a Duration setting.
func (s *Settings) Duration(k Setting) time.Duration {
	return time.Duration(s.Int(k)) * time.Millisecond
}

// On reports whether a Switch is on.
func (s *Settings) On(k Setting) bool { return s.Int(k) != 0 }

// Text returns a Text setting.
func (s *Settings) Text(k Setting) string {
	if s.Given(k) {
		return s.texts[k]
	}
	return Table[k].Text
}

// With returns s with name=value pairs applied; an empty value takes a setting back. Errors are Invalid and say what
// would be right.
func (s *Settings) With(pairs map[string]string) (Settings, error) {
	n := *s
	n.texts = map[Setting]string{}
	for k, t := range s.texts {
		n.texts[k] = t
	}
	for name, text := range pairs {
		k, err := settingNamed(name)
		if err != nil {
			return Settings{}, err
		}
		if text == "" {
			n.given &^= 1 << k
			n.numbers[k] = 0
			delete(n.texts, k)
			continue
		}
		number, err := Table[k].parse(text)
		if err != nil {
			return Settings{}, err
		}
		n.given |= 1 << k
		n.numbers[k] = number
		if Table[k].Kind == Text {
			n.texts[k] = text
		}
	}
	return n, n.check()
}

// check holds settings against each other.
func (s *Settings) check() error {
	switch {
	case s.Int(MemoryCeiling) != 0 && s.Int(MemoryFloor) > s.Int(MemoryCeiling):
		return invalid("memory-floor is above memory-ceiling")
	case s.Int(TTLDefault) > s.Int(TTLMax) && s.Given(TTLMax):
		return invalid("ttl-default is above ttl-max")
	}
	return nil
}

// Map returns what was set, as With takes it.
func (s *Settings) Map() map[string]string {
	m := map[string]string{}
	for k := range settingCount {
		if s.Given(k) {
			m[Table[k].Name] = s.Show(k)
		}
	}
	return m
}

// Show returns the text of a setting's present value.
func (s *Settings) Show(k Setting) string {
	switch Table[k].Kind {
	case Duration:
		return s.Duration(k).String()
	case Switch:
		if s.On(k) {
			return "on"
		}
		return "off"
	case Text:
		return s.Text(k)
	}
	return strconv.FormatInt(s.Int(k), 10)
}

// MarshalJSON implements json.Marshaler.
func (s Settings) MarshalJSON() ([]byte, error) { return json.Marshal(s.Map()) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Settings) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	n, err := (&Settings{}).With(m)
	*s = n
	return err
}

// SettingNames lists the names of all settings.
func SettingNames() []string {
	var names []string
	for i := range Table {
		names = append(names, Table[i].Name)
	}
	return names
}

func settingNamed(name string) (Setting, error) {
	i := slices.IndexFunc(Table[:], func(r Row) bool { return r.Name == name })
	if i < 0 {
		return 0, invalid("unknown setting " + strconv.Quote(name) + ": the settings are " + strings.Join(SettingNames(), ", "))
	}
	return Setting(i), nil
}

// parse reads the text of a value and holds it against the row's range.
func (r *Row) parse(text string) (int64, error) {
	var n int64
	var ok bool
	switch r.Kind {
	case Text:
		if r.Check != nil {
			if err := r.Check(text); err != nil {
				return 0, invalid(r.Name + ": " + err.Error())
			}
		}
		return 0, nil
	case Switch:
		if text != "on" && text != "off" {
			return 0, invalid(fmt.Sprintf("%s is %q; it is on or off", r.Name, text))
		}
		if text == "on" {
			n = 1
		}
		return n, nil
	case Duration:
		n, ok = parseDuration(text)
	default:
		n, ok = parseNumber(text, r.Kind)
	}
	if !ok || n < r.Min || n > r.Max {
		return 0, invalid(fmt.Sprintf("%s is %q; it is %s from %s to %s", r.Name, text, r.Kind.expects(), r.text(r.Min), r.text(r.Max)))
	}
	return n, nil
}

func (r *Row) text(n int64) string {
	if r.Kind == Duration {
		return (time.Duration(n) * time.Millisecond).String()
	}
	return strconv.FormatInt(n, 10)
}

func (k SettingKind) expects() string {
	switch k {
	case Bytes:
		return "a size such as 5000000, 64KiB or 5MB"
	case Duration:
		return "a duration such as 250ms, 90s or 24h"
	}
	return "a whole number such as 1000 or 10k"
}

func parseDuration(text string) (millis int64, ok bool) {
	if text == "0" {
		return 0, true
	}
	// time.Duration ends at 292 years, which is past what any row allows.
	d, err := time.ParseDuration(text)
	return d.Milliseconds(), err == nil && d%time.Millisecond == 0
}

// suffixes in lower case; people may write them as they like.
var suffixes = []struct {
	text  string
	times int64
	kind  SettingKind
}{
	{"kib", 1 << 10, Bytes}, {"mib", 1 << 20, Bytes}, {"gib", 1 << 30, Bytes}, {"tib", 1 << 40, Bytes},
	{"kb", 1e3, Bytes}, {"mb", 1e6, Bytes}, {"gb", 1e9, Bytes}, {"tb", 1e12, Bytes}, {"b", 1, Bytes},
	{"k", 1e3, Number}, {"m", 1e6, Number},
}

func parseNumber(text string, kind SettingKind) (n int64, ok bool) {
	text = strings.ToLower(text)
	times := int64(1)
	for _, s := range suffixes {
		if rest, cut := strings.CutSuffix(text, s.text); cut && s.kind == kind {
			text, times = rest, s.times
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/times {
		return 0, false
	}
	return n * times, true
}

func invalid(msg string) error { return &hearth.Error{Kind: hearth.Invalid, Msg: msg} }
