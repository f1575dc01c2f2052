package origin

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"

	"github.com/hearthcache/hearth"
)

// mysql returns what opens sessions of a login.
func (p *Opener) mysql(l Login) (func(context.Context) (session, error), error) {
	config := mysql.NewConfig()
	config.User = l.url.User.Username()
	config.Passwd, _ = l.url.User.Password()
	config.Net, config.Addr, config.DBName = "tcp", l.url.Host, strings.Trim(l.url.Path, "/")
	if l.url.Port() == "" {
		config.Addr = net.JoinHostPort(l.url.Hostname(), defaultPorts[mysqlScheme])
	}
	config.Logger = &mysql.NopLogger{} // what it would log is returned too
	var err error
	if config.TLS, config.AllowFallbackToPlaintext, err = l.tls(); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (session, error) {
		s := &mysqlSession{}
		mine := config.Clone()
		mine.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := p.dialer.DialContext(ctx, network, addr)
			s.wire = &boundedConn{Conn: conn}
			return s.wire, err
		}
		connector, err := mysql.NewConnector(mine)
		if err != nil {
			return nil, unavailable("a login to MySQL cannot be used", err)
		}
		if s.conn, err = connector.Connect(ctx); err != nil {
			return nil, unavailable("the origin does not answer", err)
		}
		return s, nil
	}, nil
}

// boundedConn ends when a server sends more than a value could be: the driver itself would read on and on.
type boundedConn struct {
	net.Conn
	read atomic.Int64 // since the last question
}

func (c *boundedConn) Read(b []byte) (int, error) {
	if c.read.Load() > hearth.ValueBytesMax+sqlSlack {
		return 0, errTooLarge
	}
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

type mysqlSession struct {
	wire  *boundedConn
	conn  driver.Conn
	text  string // of the prepared statement
	stmt  driver.Stmt
	ended bool
}

func (s *mysqlSession) dead() bool {
	v, ok := s.conn.(driver.Validator)
	return s.ended || ok && !v.IsValid()
}

func (s *mysqlSession) close() {
	s.ended = true
	_ = s.conn.Close()
}

func (s *mysqlSession) ask(ctx context.Context, q *query, key string) ([]byte, error) {
	s.wire.read.Store(0)
	v, err := s.find(ctx, q.text, key)
	var said *mysql.MySQLError
	var ours *hearth.Error
	switch {
	case err == nil || errors.As(err, &ours):
		return v, err
	case errors.As(err, &said) && !exhausted(said):
		return nil, sqlError(string(said.SQLState[:]), err)
	case s.wire.read.Load() > hearth.ValueBytesMax:
		return nil, errTooLarge
	}
	return nil, unavailable("the origin does not answer", err)
}

// exhausted reports whether an error says that an account has used up what it may, which MySQL numbers among the errors
// of access rules.
func exhausted(e *mysql.MySQLError) bool { return e.Number == 1203 || e.Number == 1226 }

func (s *mysqlSession) find(ctx context.Context, text, key string) ([]byte, error) {
	if err := s.prepare(ctx, text); err != nil {
		return nil, err
	}
	rows, err := s.stmt.(driver.StmtQueryContext).QueryContext(ctx, []driver.NamedValue{{Ordinal: 1, Value: key}})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if len(rows.Columns()) != 1 {
		return nil, errColumns
	}
	var found [1]driver.Value
	if err := rows.Next(found[:]); err != nil {
		if err == io.EOF {
			return nil, nil
		}
		return nil, err
	}
	value := textOf(found[0])
	if err := rows.Next(found[:]); err != io.EOF {
		if err == nil {
			s.close() // instead of reading the rest
			err = errRows
		}
		return nil, err
	}
	return value, nil
}

// prepare prepares a statement, which the session keeps: origins of a login mostly have one query.
func (s *mysqlSession) prepare(ctx context.Context, text string) (err error) {
	if s.stmt != nil && s.text == text {
		return nil
	}
	if s.stmt != nil {
		_ = s.stmt.Close()
		s.stmt = nil
	}
	stmt, err := s.conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	if stmt.NumInput() != 1 {
		_ = stmt.Close()
		return errParameter
	}
	s.stmt, s.text = stmt, text
	return nil
}

// textOf returns a column's value as MySQL would print it, nil for NULL.
func textOf(v driver.Value) []byte {
	switch v := v.(type) {
	case nil:
		return nil
	case []byte:
		return append([]byte{}, v...)
	}
	return fmt.Append([]byte{}, v)
}
