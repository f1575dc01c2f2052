package control

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// books is a store whose disk can be full.
type books struct {
	full  bool
	lines map[line]Counts
}

var errFull = errors.New("the disk is full")

func (b *books) SaveUsage(ctx context.Context, lines []Usage) error {
	if b.full {
		return errFull
	}
	for _, u := range lines {
		b.lines[line{u.Day, u.Cache, u.Credential, u.Verb}] = u.Counts
	}
	return nil
}

func (b *books) LoadUsage(ctx context.Context, from, to string) ([]Usage, error) {
	if b.full {
		return nil, errFull
	}
	var lines []Usage
	for at, c := range b.lines {
		if from <= at.day && at.day <= to {
			lines = append(lines, at.usage(c))
		}
	}
	return lines, nil
}

func TestLedgerLosesNothingWhenSavingFails(t *testing.T) {
	ctx := context.Background()
	b := &books{lines: map[line]Counts{}}
	l := NewLedger(b)
	add := func(day string, n uint64, ok bool) {
		t.Helper()
		if err := l.Add(ctx, day, []Usage{{Cache: "c", Verb: "Get", Counts: Counts{Operations: n}}}); (err == nil) != ok {
			t.Errorf("%s: %v", day, err)
		}
	}
	b.full = true
	add("2026-01-01", 1, false) // the day cannot be read
	b.full = false
	add("2026-01-01", 2, true)
	b.full = true
	add("2026-01-01", 4, false)
	add("2026-01-02", 8, false) // a day ends while the disk is full
	b.full = false
	add("2026-01-02", 16, true)
	for day, want := range map[string]uint64{"2026-01-01": 7, "2026-01-02": 24} {
		if got := b.lines[line{day, "c", "", "Get"}].Operations; got != want {
			t.Errorf("%s: %d, want %d", day, got, want)
		}
		lines, err := l.Query(ctx, day, day)
		if err != nil || len(lines) != 1 || lines[0].Operations != want {
			t.Errorf("%s: %+v, %v", day, lines, err)
		}
	}
}

func TestSum(t *testing.T) {
	lines := []Usage{
		{Day: "1", Cache: "a", Credential: "x", Verb: "Get", Counts: Counts{Operations: 1, In: 1, Out: 1, Hits: 1, Misses: 1, Refused: 1, Units: 1, ByteMillis: 1, Evicted: 1, Expired: 1}},
		{Day: "2", Cache: "a", Credential: "y", Verb: "Get", Counts: Counts{Operations: 2}},
		{Day: "2", Cache: "b", Credential: "y", Verb: "Set", Counts: Counts{Operations: 4}},
	}
	check := func(byDay, byCredential, byVerb bool, want ...uint64) {
		t.Helper()
		got := Sum(lines, byDay, byCredential, byVerb)
		if len(got) != len(want) {
			t.Fatalf("%+v, want %v", got, want)
		}
		for i := range want {
			if got[i].Operations != want[i] {
				t.Errorf("%+v, want %v", got, want)
			}
		}
	}
	check(false, false, false, 3, 4)
	check(true, false, false, 1, 2, 4)
	check(false, true, false, 1, 2, 4)
	check(false, false, true, 3, 4)
}

func TestPriceBook(t *testing.T) {
	b, err := ParsePriceBook(`
# what we charge
currency EUR
price 0.50 per 1000000 operations
price 0.1 per 1e9 bytes-in   # by the gigabyte
price 3 per 1000 byte-hours
cache free price 0 per 1 operations
`)
	if err != nil || b.Currency != "EUR" {
		t.Fatal(b, err)
	}
	check := func(cache string, c Counts, want string) {
		t.Helper()
		if got := b.Cost(&Usage{Cache: cache, Counts: c}).FloatString(9); got != want {
			t.Errorf("%s %+v costs %s, want %s", cache, c, got, want)
		}
	}
	check("c", Counts{Operations: 3}, "0.000001500")
	check("free", Counts{Operations: 3}, "0.000000000")
	check("free", Counts{In: 5e9}, "0.500000000")
	check("c", Counts{ByteMillis: 2000 * 3_600_000, Out: 99, Hits: 7}, "6.000000000")
	check("c", Counts{Operations: 1<<64 - 1}, "9223372036854.775807500")

	for _, bad := range []string{"price", "price x per 1 operations", "price 1 per 0 operations", "price -1 per 1 operations",
		"price 1 per 1 wishes", "currency", "cache c", "price 1 every 1 operations"} {
		if _, err := ParsePriceBook("\n" + bad); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
