package origin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hearthcache/hearth"
)

// The schemes of databases.
const (
	postgresScheme = "postgres"
	mysqlScheme    = "mysql"
)

var defaultPorts = map[string]string{postgresScheme: "5432", mysqlScheme: "3306"}

// Login is the operator's way into one database, as a URL: postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require.
// It is lent to every origin in that database.
type Login struct{ url *url.URL }

// tlsModes are the words of sslmode, as PostgreSQL's own clients have them.
var tlsModes = []string{"disable", "prefer", "require", "verify-full"}

// ParseLogin reads a login's URL. Its errors do not show the password.
func ParseLogin(text string) (l Login, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return l, errors.New("a login is a URL such as postgres://user:password@host/database")
	}
	q := u.Query()
	for name := range q {
		if name != "sslmode" && name != "sslrootcert" {
			return l, fmt.Errorf("a login has the options sslmode and sslrootcert; %q is neither", name)
		}
	}
	switch mode := q.Get("sslmode"); {
	case defaultPorts[u.Scheme] == "":
		return l, fmt.Errorf("a login's scheme is %q; it may be postgres or mysql", u.Scheme)
	case u.User.Username() == "" || u.Hostname() == "" || strings.Contains(u.Host, ",") || strings.Trim(u.Path, "/") == "":
		return l, errors.New("a login names a user, a host and a database: " + u.Scheme + "://user:password@host/database")
	case mode != "" && !slices.Contains(tlsModes, mode):
		return l, fmt.Errorf("sslmode is %q; it may be %s", mode, strings.Join(tlsModes, ", "))
	case mode != "verify-full" && q.Has("sslrootcert"):
		return l, errors.New("sslrootcert is for sslmode=verify-full: every other mode verifies nothing")
	}
	return Login{u}, nil
}

// place is where a database is, in one spelling.
func place(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = defaultPorts[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port + "/" + strings.Trim(u.Path, "/")
}

// tls returns how a login's connections are encrypted, nil for not at all, and whether plaintext will do where the
// server has no TLS.
func (l Login) tls() (c *tls.Config, plaintext bool, err error) {
	q := l.url.Query()
	mode := q.Get("sslmode")
	if mode == "disable" {
		return nil, true, nil
	}
	c = &tls.Config{ServerName: l.url.Hostname(), InsecureSkipVerify: mode != "verify-full"}
	if file := q.Get("sslrootcert"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, false, unavailable("the certificates of a login cannot be read", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, false, unavailable("the file of a login's sslrootcert has no certificates", nil)
		}
	}
	return c, mode == "" || mode == "prefer", nil
}

// sql is the origin SCHEME://HOST:PORT/DATABASE?query=QUERY: the key's value is the one column of the one row that the
// query finds. The query is taken as it stands, to the end of the template.
func (p *Opener) sql(template string) (*Origin, error) {
	where, text, ok := strings.Cut(template, "?query=")
	u, err := url.Parse(where)
	if !ok || err != nil || u.Hostname() == "" || u.User != nil || strings.Count(text, keyMark) != 1 {
		return nil, invalid("an SQL origin is postgres://HOST/DATABASE?query=SELECT … or mysql://…, with " + keyMark + " once in its query")
	}
	if err := p.guard.CheckHost(u.Hostname()); err != nil {
		return nil, err
	}
	for _, l := range p.options.Logins {
		if place(l.url) == place(u) {
			pool, err := p.pool(l)
			if err != nil {
				return nil, err
			}
			return &Origin{(&query{pool: pool, text: parameter(u.Scheme, text)}).ask}, nil
		}
	}
	return nil, refused("hearth's operator has lent no login to " + place(u) + " (--origin-login)")
}

// parameter spells the key's place in a query as a database does.
func parameter(scheme, text string) string {
	if scheme == postgresScheme {
		return strings.Replace(text, keyMark, "$1", 1)
	}
	return strings.Replace(text, keyMark, "?", 1)
}

// pool returns the sessions of a login, which all of its origins share.
func (p *Opener) pool(l Login) (*pool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if shared := p.pools[place(l.url)]; shared != nil {
		return shared, nil
	}
	connect, err := p.postgres, error(nil)
	if l.url.Scheme == mysqlScheme {
		connect = p.mysql
	}
	made := &pool{}
	if made.connect, err = connect(l); err != nil {
		return nil, err
	}
	p.pools[place(l.url)] = made
	return made, nil
}

// query is what one origin asks of its database.
type query struct {
	pool *pool
	text string

	mu    sync.Mutex // guards shape
	shape *shape     // of PostgreSQL's parameter and column, once it has told
}

// ask is the Ask of an Origin.
func (q *query) ask(ctx context.Context, key, _ string) (Answer, error) {
	v, err := q.pool.ask(ctx, q, key)
	switch {
	case err != nil:
		return Answer{}, err
	case v == nil:
		return Answer{}, &hearth.Error{Kind: hearth.NotFound, Msg: "the origin has no such item"}
	case len(v) > hearth.ValueBytesMax:
		return Answer{}, errTooLarge
	}
	return Answer{Value: v}, nil
}

// What a query does that no key can change.
var (
	errTooLarge  = &hearth.Error{Kind: hearth.Limited, Limit: hearth.ItemSize, Msg: "what the origin has is too large for an item"}
	errColumns   = &hearth.Error{Kind: hearth.Denied, Msg: "the origin's query returns not one column"}
	errRows      = &hearth.Error{Kind: hearth.Denied, Msg: "the origin's query finds more than one row"}
	errParameter = &hearth.Error{Kind: hearth.Denied, Msg: "the origin's query has not one parameter: " + keyMark + " stands in quotes or in a comment"}
)

// sqlError gives an error of a database its kind by its SQLSTATE: what is wrong with this key or this query, or what
// may pass.
func sqlError(state string, err error) error {
	for _, class := range []string{"21", "22", "42"} { // cardinality, data, syntax and access rules
		if strings.HasPrefix(state, class) {
			return &hearth.Error{Kind: hearth.Denied, Msg: "the origin refuses the key", Err: err}
		}
	}
	return unavailable("the origin fails", err)
}

// session is a connection to a database, used by one at a time.
type session interface {
	// ask returns the value that a query finds for a key, nil where it finds none or NULL.
	ask(ctx context.Context, q *query, key string) ([]byte, error)
	// dead reports whether the session can be used no more.
	dead() bool
	close()
}

// pool is the sessions of one login. There are as many as loads at once, which the gateway bounds; idle ones are closed
// soon.
type pool struct {
	connect func(ctx context.Context) (session, error)

	mu     sync.Mutex // guards the rest
	idle   []parked   // the one used last at the end
	sweep  *time.Timer
	closed bool
}

type parked struct {
	session
	since time.Time
}

// ask asks over an idle session, or a new one. That an idle one turns out to be dead says nothing of the database: then
// it asks again.
func (p *pool) ask(ctx context.Context, q *query, key string) ([]byte, error) {
	for {
		s, fresh, err := p.take(ctx)
		if err != nil {
			return nil, err
		}
		v, err := s.ask(ctx, q, key)
		retry := !fresh && s.dead() && ctx.Err() == nil && hearth.KindOf(err) == hearth.Unavailable
		p.give(s)
		if err == nil || !retry {
			return v, err
		}
	}
}

func (p *pool) take(ctx context.Context) (s session, fresh bool, err error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		s, p.idle = p.idle[n-1].session, p.idle[:n-1]
	}
	p.mu.Unlock()
	if s != nil {
		return s, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	s, err = p.connect(ctx)
	return s, true, err
}

func (p *pool) give(s session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || s.dead() || len(p.idle) >= idlePerHost {
		s.close()
		return
	}
	p.idle = append(p.idle, parked{s, time.Now()})
	if p.sweep == nil {
		p.sweep = time.AfterFunc(idleTimeout, p.closeIdle)
	}
}

// closeIdle closes sessions that nobody has used for a while.
func (p *pool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].since) >= idleTimeout {
		p.idle[n].close()
		n++
	}
	p.idle = slices.Delete(p.idle, 0, n)
	if p.sweep = nil; len(p.idle) > 0 {
		p.sweep = time.AfterFunc(idleTimeout-time.Since(p.idle[0].since), p.closeIdle)
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	for _, s := range p.idle {
		s.close()
	}
	p.idle = nil
}
