package origin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
)

func login(t *testing.T, text string) Login {
	t.Helper()
	l, err := ParseLogin(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// database is one of the servers, with how its dialect says some things.
type database struct {
	*process
	base  string // of templates
	login string
	sleep string // a condition that takes a minute
	kill  string // a query that ends the sessions of others
}

func eachDatabase(t *testing.T, f func(*testing.T, *database)) {
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		p := startPostgres(t)
		f(t, &database{p, "postgres://" + p.addr + "/postgres?query=", "postgres://reader:secret@" + p.addr + "/postgres", "pg_sleep(60) IS NOT NULL",
			"SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = {key}"})
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		p := startMySQL(t)
		f(t, &database{p, "mysql://" + p.addr + "/shop?query=", "mysql://reader:secret@" + p.addr + "/shop", "SLEEP(60) = 0", ""})
	})
}

func TestSQL(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d *database) {
		options := Options{Allow: local, Logins: []Login{login(t, d.login)}}
		p := New(options)
		defer p.Close()
		ask := func(query, key string) (string, error) {
			t.Helper()
			o, err := p.Open(d.base + query)
			if err != nil {
				t.Fatal(err)
			}
			v, _, err := o.Load(t.Context(), []byte(key))
			return string(v), err
		}
		t.Run("read", func(t *testing.T) { testTypes(t, ask) })
		t.Run("refused", func(t *testing.T) { testRefused(t, ask) })
		t.Run("a key is no SQL", func(t *testing.T) {
			for _, key := range []string{"' OR '1'='1", "apple'; DROP TABLE items; --", "apple' --", `apple\' OR 1=1 #`, "apple\x00"} {
				if v, err := ask("SELECT body FROM items WHERE id = {key}", key); err == nil || failedKind(err) {
					t.Errorf("%q: %q, %v", key, v, err)
				}
			}
			if v, err := ask("SELECT body FROM items WHERE id = {key}", "apple"); v != "red ä" || err != nil {
				t.Errorf("got %q, %v", v, err)
			}
		})
		t.Run("many at once", func(t *testing.T) {
			o, _ := p.Open(d.base + "SELECT body FROM items WHERE id = {key}")
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					for range 20 {
						if v, _, err := o.Load(t.Context(), []byte("apple")); string(v) != "red ä" || err != nil {
							t.Errorf("got %q, %v", v, err)
						}
					}
				})
			}
			wg.Wait()
			if n := len(p.pools); n != 1 {
				t.Errorf("%d pools for one login", n)
			}
		})
		t.Run("slow", func(t *testing.T) {
			o, _ := p.Open(d.base + "SELECT body FROM items WHERE id = {key} AND " + d.sleep)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, _, err := o.Load(ctx, []byte("apple")); hearth.KindOf(err) != hearth.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("TLS that the server does not have", func(t *testing.T) {
			for _, mode := range []string{"require", "verify-full"} {
				p := New(Options{Allow: local, Logins: []Login{login(t, d.login+"?sslmode="+mode)}})
				defer p.Close()
				o, err := p.Open(d.base + "SELECT body FROM items WHERE id = {key}")
				if err != nil {
					t.Fatal(err)
				}
				if v, _, err := o.Load(t.Context(), []byte("apple")); hearth.KindOf(err) != hearth.Unavailable {
					t.Errorf("%s: got %q, %v", mode, v, err)
				}
			}
		})
		t.Run("sessions that were ended while idle", func(t *testing.T) {
			endIdle(t, p, d)
			if v, err := ask("SELECT body FROM items WHERE id = {key}", "apple"); v != "red ä" || err != nil {
				t.Errorf("got %q, %v", v, err)
			}
		})
		t.Run("broken", func(t *testing.T) {
			o, _ := p.Open(d.base + "SELECT body FROM items WHERE id = {key} AND " + d.sleep)
			broken := make(chan error)
			go func() {
				_, _, err := o.Load(t.Context(), []byte("apple"))
				broken <- err
			}()
			time.Sleep(200 * time.Millisecond) // until the query is under way
			d.process.kill()
			if err := <-broken; hearth.KindOf(err) != hearth.Unavailable {
				t.Errorf("killed during a query: %v", err)
			}
			if _, err := ask("SELECT body FROM items WHERE id = {key}", "apple"); hearth.KindOf(err) != hearth.Unavailable {
				t.Errorf("down: %v", err)
			}
		})
	})
}

// failedKind reports whether an error is one after which the gateway would ask again.
func failedKind(err error) bool {
	kind := hearth.KindOf(err)
	return kind != hearth.NotFound && kind != hearth.Denied && kind != hearth.Invalid
}

func testTypes(t *testing.T, ask func(query, key string) (string, error)) {
	for query, want := range map[string]string{
		"SELECT body FROM items WHERE id = {key}":                      "red ä",
		"SELECT raw FROM items WHERE id = {key}":                       "\x00\xffb",
		"SELECT price FROM items WHERE id = {key}":                     "12",
		"SELECT doc FROM items WHERE id = {key}":                       `{"a": 1}`,
		"SELECT ratio FROM items WHERE id = {key}":                     "0.5",
		"SELECT price * 2 FROM items WHERE id = {key} AND body <> '?'": "24",
	} {
		if v, err := ask(query, "apple"); v != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", query, v, err, want)
		}
	}
	if v, err := ask("SELECT body FROM numbered WHERE id = {key}", "42"); v != "answer" || err != nil {
		t.Errorf("by number: %q, %v", v, err)
	}
	for _, column := range []string{"body", "raw"} {
		if v, err := ask("SELECT "+column+" FROM items WHERE id = {key}", "empty"); v != "" || err != nil {
			t.Errorf("empty %s: %q, %v", column, v, err)
		}
		for _, key := range []string{"null", "nothing"} {
			if v, err := ask("SELECT "+column+" FROM items WHERE id = {key}", key); hearth.KindOf(err) != hearth.NotFound {
				t.Errorf("%s of %s: %q, %v", column, key, v, err)
			}
		}
	}
}

func testRefused(t *testing.T, ask func(query, key string) (string, error)) {
	for _, query := range []string{
		"SELECT body FROM items WHERE id <> {key}",          // many rows
		"SELECT id, body FROM items WHERE id = {key}",       // many columns
		"SELECT nothing FROM items WHERE id = {key}",        // no such column
		"SELECT body FROM nowhere WHERE id = {key}",         // no such table
		"SELECT body FROM items WHERE id = ' {key} '",       // no parameter
		"SELECT body FROM items WHERE id = {key}; SELECT 1", // two statements
	} {
		if v, err := ask(query, "nothing"); hearth.KindOf(err) != hearth.Denied {
			t.Errorf("%s: %q, %v", query, v, err)
		}
	}
	if v, err := ask("SELECT body FROM items WHERE id = {key}", "apple"); v != "red ä" || err != nil {
		t.Errorf("after all that: %q, %v", v, err)
	}
}

// endIdle has the server end the pool's idle sessions.
func endIdle(t *testing.T, p *Opener, d *database) {
	t.Helper()
	other := New(Options{Allow: local, Logins: p.options.Logins})
	defer other.Close()
	if d.kill == "" {
		for _, pool := range p.pools {
			for _, s := range pool.idle {
				s.session.(*mysqlSession).wire.Conn.Close()
			}
		}
		return
	}
	o, err := other.Open(d.base + d.kill)
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := o.Load(t.Context(), []byte("hearth")); err != nil || string(v) == "0" {
		t.Fatalf("ended %q sessions, %v", v, err)
	}
}

func TestSQLIsLentByTheOperator(t *testing.T) {
	const query = "?query=SELECT a FROM b WHERE c = {key}"
	p := New(Options{Logins: []Login{login(t, "postgres://reader:secret@db.example:5432/shop"), login(t, "mysql://reader@127.0.0.1/shop")}})
	defer p.Close()
	for template, kind := range map[string]hearth.Kind{
		"postgres://db.example/shop" + query:         0,
		"postgres://DB.example:5432/shop" + query:    0,
		"postgres://db.example.evil/shop" + query:    hearth.Denied,
		"postgres://db.example:5433/shop" + query:    hearth.Denied,
		"postgres://db.example/shop2" + query:        hearth.Denied,
		"mysql://db.example/shop" + query:            hearth.Denied,
		"mysql://127.0.0.1/shop" + query:             hearth.Invalid, // lent, but not to be reached
		"mysql://[::ffff:127.0.0.1]/shop" + query:    hearth.Invalid,
		"postgres://reader@db.example/shop" + query:  hearth.Invalid,
		"postgres://db.example/shop?query=SELECT 1":  hearth.Invalid,
		"postgres://db.example/{key}?query=SELECT 1": hearth.Invalid,
		"postgres://db.example/shop?q=SELECT {key}":  hearth.Invalid,
		"postgres:///shop" + query:                   hearth.Invalid,
		"postgresql://db.example/shop" + query:       hearth.Invalid,
	} {
		if _, err := p.Open(template); (err == nil) != (kind == 0) || err != nil && hearth.KindOf(err) != kind {
			t.Errorf("%s: %v", template, err)
		} else if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", template, err)
		}
	}
}

// TestSQLForbiddenDestination has a name lead to an address that is not allowed: it is not connected to.
func TestSQLForbiddenDestination(t *testing.T) {
	l := listenAndCount(t)
	for _, scheme := range []string{postgresScheme, mysqlScheme} {
		at := scheme + "://localhost:" + l.port() + "/shop"
		p := New(Options{Logins: []Login{login(t, strings.Replace(at, "://", "://reader:secret@", 1))}})
		o, err := p.Open(at + "?query=SELECT a FROM b WHERE c = {key}")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.Load(t.Context(), []byte("k")); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
		p.Close()
	}
	if n := l.count.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestLogin(t *testing.T) {
	for _, text := range []string{"postgres://host/db", "postgres://u:secret@/db", "postgres://u:secret@host", "http://u:secret@host/db", "postgres://u:secret@host/db?x=1",
		"postgres://u:secret@host/db?sslmode=maybe", "postgres://u:secret@host/db?sslmode=require&sslrootcert=ca.pem", "postgres://u:secret@a,b/db", "postgres://u:sec ret@host/db%zz"} {
		if _, err := ParseLogin(text); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec ret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestIdleSessionsAreClosed lets the time pass after which idle sessions are closed.
func TestIdleSessionsAreClosed(t *testing.T) {
	p := &pool{connect: func(context.Context) (session, error) { return &fakeSession{}, nil }}
	q := &query{pool: p}
	if _, err := p.ask(t.Context(), q, "k"); err != nil || len(p.idle) != 1 {
		t.Fatalf("%d idle, %v", len(p.idle), err)
	}
	s := p.idle[0].session.(*fakeSession)
	p.idle[0].since = p.idle[0].since.Add(-idleTimeout)
	p.closeIdle()
	if len(p.idle) != 0 || !s.closed || p.sweep != nil {
		t.Errorf("%d idle, closed %v", len(p.idle), s.closed)
	}
}

// fakeSession stands where nothing is asked of a server.
type fakeSession struct{ closed bool }

func (s *fakeSession) ask(context.Context, *query, string) ([]byte, error) { return []byte("v"), nil }
func (s *fakeSession) dead() bool                                          { return s.closed }
func (s *fakeSession) close()                                              { s.closed = true }
