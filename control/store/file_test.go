package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

func open(t testing.TB, folder string) *File {
	t.Helper()
	f, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func load(t testing.TB, f *File) *control.Plane {
	t.Helper()
	p, err := control.NewPlane(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// text returns the state as JSON, by which two are compared.
func text(t testing.TB, s *control.State) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "null", "{}") // a map that is empty or not there
}

func TestEverythingComesBack(t *testing.T) {
	ctx := context.Background()
	folder := filepath.Join(t.TempDir(), "new", "folder")
	f := open(t, folder)
	p := load(t, f)
	change := func(c control.Change) {
		t.Helper()
		if _, err := p.Change(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	now := time.UnixMilli(1_800_000_000_000)
	signer := auth.NewSigningKey(now.UnixMilli(), 0)
	made, err := auth.New(auth.KeyRequest{Form: auth.V2, Seconds: 60, Role: "viewer", TokenID: "t", Description: "ключ"}, "e", "c", now, signer)
	if err != nil {
		t.Fatal(err)
	}
	change(control.SetAccount{Settings: map[string]string{"request-rate": "10k", "ttl-max": "1h30m"}})
	change(control.CreateCache{Name: "a/б", Settings: map[string]string{"memory-ceiling": "64MiB"}})
	change(control.CreateCache{Name: "b"})
	change(control.DeleteCache{Name: "b"})
	change(control.FlushCache{Name: "a/б"})
	change(control.AddSigningKey{Key: signer})
	change(control.AddKey{Key: made.Key})
	change(control.PutRole{New: true, Role: &control.Role{ID: "r", Name: "R", Permissions: auth.Permissions{
		Rules:    []auth.Rule{{Access: auth.Read, Cache: auth.Only("c"), Item: auth.StartingWith("\x00\xff")}, {Resource: auth.Topics}},
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}})
	want := text(t, p.State())
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := load(t, open(t, folder))
	if got := text(t, again.State()); got != want {
		t.Errorf("came back as\n%s, was\n%s", got, want)
	}
	if again.State().KeyOf(made.Token) == nil {
		t.Error("the key is not found by its text")
	}
	// No space is given out twice, also not that of a deleted cache.
	s, err := again.Change(ctx, control.CreateCache{Name: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Caches["b"].Space <= again.State().Caches["a/б"].Space {
		t.Error("a space is used again")
	}
}

func TestNobodyElseReadsTheFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "d")
	open(t, folder)
	for path, want := range map[string]os.FileMode{folder: 0o700, filepath.Join(folder, FileName): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	folder := t.TempDir()
	open(t, folder)
	if _, err := Open(folder); err == nil {
		t.Error("the file was opened twice")
	}
}

func TestStaleSaveFails(t *testing.T) {
	f := open(t, t.TempDir())
	load(t, f)
	err := f.Save(context.Background(), &control.State{Version: 7})
	if hearth.KindOf(err) != hearth.Unavailable {
		t.Errorf("saving version 7 over nothing: %v", err)
	}
}

func TestDamageAndNewerFormatsAreNamed(t *testing.T) {
	spoil := func(bucket, key, value string) error {
		t.Helper()
		f := open(t, t.TempDir())
		p := load(t, f)
		if _, err := p.Change(context.Background(), control.CreateCache{Name: "c"}); err != nil {
			t.Fatal(err)
		}
		err := f.db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), []byte(value)) })
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Load(context.Background())
		return err
	}
	for _, c := range [][3]string{{"meta", "state", `{"format":99}`}, {"meta", "state", "x"}, {"caches", "c", "x"}, {"caches", "c", `{"settings":{"no-such":"1"}}`}} {
		if err := spoil(c[0], c[1], c[2]); err == nil {
			t.Errorf("%v was read", c)
		}
	}
}

// many is a change that fills the state.
type many struct{ caches, keys int }

func (m many) Apply(s *control.State, now int64) (*control.State, error) {
	n := &control.State{Version: s.Version + 1, Caches: map[string]*control.Cache{}, Keys: map[string]*auth.Key{}}
	for i := range m.caches {
		c := &control.Cache{Name: fmt.Sprintf("cache-%d", i), Space: hearth.Space(i + 1)}
		var err error
		if c.Settings, err = c.Settings.With(map[string]string{"request-rate": "1000", "ttl-max": "1h"}); err != nil {
			return nil, err
		}
		n.Caches[c.Name] = c
	}
	for i := range m.keys {
		h := auth.HashOf(fmt.Sprint("token", i))
		n.Keys[h.ID()] = &auth.Key{ID: h.ID(), Hash: h, Refresh: h, Issued: now, Description: "key of a test", Permissions: auth.Permissions{
			Rules: []auth.Rule{{Access: auth.ReadWrite, Cache: auth.Only(fmt.Sprintf("cache-%d", i%m.caches)), Item: auth.StartingWith("user/")}}}}
	}
	return n, nil
}

// manyKeys returns a folder that holds 10,000 keys and 1,000 caches.
func manyKeys(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	f := open(t, folder)
	if _, err := load(t, f).Change(context.Background(), many{caches: 1000, keys: 10_000}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestTenThousandKeysComeBack(t *testing.T) {
	f := open(t, manyKeys(t))
	defer f.Close()
	if s := load(t, f).State(); len(s.Keys) != 10_000 || len(s.Caches) != 1000 || s.KeyOf("token17") == nil {
		t.Fatal("not everything came back")
	}
}

// BenchmarkStart measures how long reading 10,000 keys and 1,000 caches holds up a start.
func BenchmarkStart(b *testing.B) {
	folder := manyKeys(b)
	for b.Loop() {
		f := open(b, folder)
		load(b, f)
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestUsageComesBack(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	f := open(t, folder)
	add := func(l *control.Ledger, day string, n uint64) {
		t.Helper()
		err := l.Add(ctx, day, []control.Usage{{Cache: "c", Credential: "k", Verb: "Get", Counts: control.Counts{Operations: n, Hits: n}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	l := control.NewLedger(f)
	add(l, "2026-01-01", 1)
	add(l, "2026-01-01", 2)
	add(l, "2026-01-02", 4)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = open(t, folder)
	l = control.NewLedger(f)
	add(l, "2026-01-02", 8) // goes on where the day stood
	is := func(from, to string, want ...uint64) {
		t.Helper()
		lines, err := l.Query(ctx, from, to)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for _, u := range lines {
			got = append(got, u.Operations)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s to %s: %v, want %v", from, to, got, want)
		}
	}
	is("2026-01-01", "2026-01-02", 3, 12)
	is("2026-01-01", "2026-01-01", 3)
	is("2026-01-02", "2026-02-01", 12)
	is("2025-01-01", "2025-12-31")
}
