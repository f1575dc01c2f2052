package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth/control"
)

// usageHash begins the name of a day's hash: <cache>\0<credential>\0<verb>\0<count> → a number.
const usageHash = "h::usage:"

// adding adds numbers to fields of a hash, all or none.
var adding = valkey.NewLuaScript(`
for i = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i+1]) end
return 1`)

// AddUsage implements control.UsageAdder.
func (v *Valkey) AddUsage(ctx context.Context, day string, lines []control.Usage) error {
	var args []string
	for i := range lines {
		u := &lines[i]
		counts, err := countsOf(&u.Counts)
		if err != nil {
			return err
		}
		for name, n := range counts {
			args = append(args, strings.Join([]string{u.Cache, u.Credential, u.Verb, name}, "\x00"), strconv.FormatUint(n, 10))
		}
	}
	if len(args) == 0 {
		return nil
	}
	if err := adding.Exec(ctx, v.client, []string{usageHash + day}, args).Error(); err != nil {
		return unavailable("usage could not be saved", err)
	}
	return nil
}

// countsOf returns the counts that are not zero, by their names in JSON: there is no second list of them.
func countsOf(c *control.Counts) (counts map[string]uint64, err error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return counts, json.Unmarshal(b, &counts)
}

// LoadUsage implements control.UsageStore.
func (v *Valkey) LoadUsage(ctx context.Context, from, to string) ([]control.Usage, error) {
	first, err := time.Parse(time.DateOnly, from)
	if err != nil {
		return nil, err
	}
	// The future has no lines, and nothing was counted before there was hearth.
	first = later(first, firstDay)
	last := min(to, control.Day(time.Now().Add(24*time.Hour)))
	var lines []control.Usage
	for d := first; control.Day(d) <= last; d = d.AddDate(0, 0, 1) {
		day, err := v.loadDay(ctx, control.Day(d))
		if err != nil {
			return nil, err
		}
		lines = append(lines, day...)
	}
	return lines, nil
}

// firstDay is before any usage that was ever kept.
var firstDay = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (v *Valkey) loadDay(ctx context.Context, day string) ([]control.Usage, error) {
	fields, err := v.client.Do(ctx, v.client.B().Hgetall().Key(usageHash+day).Build()).AsStrMap()
	if err != nil {
		return nil, unavailable("usage could not be read", err)
	}
	counts := map[[3]string]map[string]uint64{}
	for field, text := range fields {
		parts := strings.Split(field, "\x00")
		n, err := strconv.ParseUint(text, 10, 64)
		if len(parts) != 4 || err != nil {
			continue // not ours
		}
		at := [3]string(parts[:3])
		if counts[at] == nil {
			counts[at] = map[string]uint64{}
		}
		counts[at][parts[3]] = n
	}
	var lines []control.Usage
	for at, c := range counts {
		u := control.Usage{Day: day, Cache: at[0], Credential: at[1], Verb: at[2]}
		b, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &u.Counts); err != nil {
			return nil, err
		}
		lines = append(lines, u)
	}
	return lines, nil
}
