package control

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
)

func TestSettingsAreParsed(t *testing.T) {
	check := func(name, text string, want int64, ok bool) {
		t.Helper()
		s, err := (&Settings{}).With(map[string]string{name: text})
		if (err == nil) != ok {
			t.Errorf("%s=%s: %v", name, text, err)
			return
		}
		if !ok {
			if hearth.KindOf(err) != hearth.Invalid || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: the error does not help: %v", name, text, err)
			}
			return
		}
		k, _ := settingNamed(name)
		if got := s.Int(k); got != want || !s.Given(k) {
			t.Errorf("%s=%s is %d, want %d", name, text, got, want)
		}
	}

	check("request-rate", "1000", 1000, true)
	check("request-rate", "10k", 10_000, true)
	check("request-rate", "2M", 2_000_000, true)
	check("request-rate", "0", 0, true)
	check("request-rate", "-1", 0, false)
	check("request-rate", "1.5", 0, false)
	check("request-rate", "1kB", 0, false)
	check("request-rate", "9999999999", 0, false)
	check("request-rate", "99999999999999999999k", 0, false)
	check("item-bytes", "5MB", 5_000_000, true)
	check("item-bytes", "64KiB", 65536, true)
	check("item-bytes", "64kib", 65536, true)
	check("item-bytes", "1b", 1, true)
	check("item-bytes", "0", 0, false)
	check("item-bytes", "1PB", 0, false)
	check("item-bytes", "600MiB", 0, false)
	check("memory-ceiling", "9999999TiB", 0, false)
	check("ttl-max", "90s", 90_000, true)
	check("ttl-max", "1h30m", 5_400_000, true)
	check("ttl-max", "250ms", 250, true)
	check("ttl-max", "1us", 0, false)
	check("ttl-max", "0", 0, false)
	check("ttl-default", "0", 0, true)
	check("ttl-max", "60", 0, false)
	check("ttl-max", "9999999h", 0, false)
	check("no-such-setting", "1", 0, false)
}

func TestSettingsThatContradict(t *testing.T) {
	for _, pairs := range []map[string]string{
		{"memory-floor": "2MB", "memory-ceiling": "1MB"},
		{"ttl-default": "2h", "ttl-max": "1h"},
	} {
		if _, err := (&Settings{}).With(pairs); hearth.KindOf(err) != hearth.Invalid {
			t.Errorf("%v: %v", pairs, err)
		}
	}
}

func TestSettingsOverTheAccounts(t *testing.T) {
	with := func(pairs map[string]string) *Settings {
		s, err := (&Settings{}).With(pairs)
		if err != nil {
			t.Fatal(err)
		}
		return &s
	}
	account := with(map[string]string{"request-rate": "5", "ttl-max": "1h"})
	own := with(map[string]string{"request-rate": "7", "item-bytes": "9"})
	s := own.Over(account)
	if s.Int(RequestRate) != 7 || s.Duration(TTLMax) != time.Hour || s.Int(ItemBytes) != 9 || s.Int(MemoryWeight) != 1 {
		t.Errorf("%v", s.Map())
	}
	if s.Given(MemoryWeight) || !s.Given(TTLMax) || own.Given(TTLMax) || account.Given(ItemBytes) {
		t.Error("what is given where is mixed up")
	}
	back, err := own.With(map[string]string{"request-rate": ""})
	if err != nil || back.Given(RequestRate) || !own.Given(RequestRate) {
		t.Errorf("a setting was not taken back, or a state was changed in place: %v", err)
	}
}

func TestSettingsAsTextAndBack(t *testing.T) {
	for i := range Table {
		r := &Table[i]
		if r.Name == "" || r.Doc == "" || r.Default < r.Min && r.Default != 0 || r.Default > r.Max {
			t.Errorf("row %d is not whole: %+v", i, r)
		}
		if r.Kind == Text {
			continue
		}
		for _, n := range []int64{r.Min, r.Max, r.Default} {
			var s Settings
			s.numbers[i], s.given = n, 1<<i
			text := s.Show(Setting(i))
			if n < r.Min {
				continue // a default that stands for nothing cannot be set
			}
			back, err := (&Settings{}).With(map[string]string{r.Name: text})
			if err != nil || back.Int(Setting(i)) != n {
				t.Errorf("%s=%d is shown as %q, which is %d, %v", r.Name, n, text, back.Int(Setting(i)), err)
			}
		}
	}
	s, err := (&Settings{}).With(map[string]string{"ttl-max": "1h", "throughput": "1GB"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Settings
	if err := json.Unmarshal(b, &back); err != nil || !maps.Equal(back.Map(), s.Map()) {
		t.Errorf("%s came back as %v, %v", b, back.Map(), err)
	}
}

func TestDeclaredCaches(t *testing.T) {
	apply := func(s *State, c Change) *State {
		t.Helper()
		n, err := c.Apply(s, 5)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	s := apply(&State{}, DeclareCache{"c", map[string]string{"request-rate": "1", "connections": "2"}})
	space := s.Caches["c"].Space
	s = apply(s, DeclareCache{"c", map[string]string{"request-rate": "3"}})
	c := s.Caches["c"]
	if c.Space != space || c.Settings.Int(RequestRate) != 3 || c.Settings.Given(Connections) {
		t.Errorf("declared again: %+v", c.Settings.Map())
	}
	if _, err := (DeclareCache{"c", map[string]string{"x": "1"}}).Apply(s, 5); hearth.KindOf(err) != hearth.Invalid {
		t.Errorf("an unknown setting: %v", err)
	}
}
