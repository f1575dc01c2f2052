package origin

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hearthcache/hearth"
)

// byteaOID is PostgreSQL's number for its type of plain bytes. It alone goes over the wire in binary: the text of every
// other type is the value.
const byteaOID = 17

// sqlSlack is what a database's answer may have around a value.
const sqlSlack = 64 << 10

const closeTimeout = time.Second

// shape is what PostgreSQL says of a query: its parameter's type and its column's.
type shape struct{ parameter, column uint32 }

// binary returns the format code of a type on the wire.
func binary(oid uint32) []int16 {
	if oid == byteaOID {
		return []int16{1}
	}
	return []int16{0}
}

// postgres returns what opens sessions of a login.
func (p *Opener) postgres(l Login) (func(context.Context) (session, error), error) {
	plain := *l.url
	plain.RawQuery = url.Values{"sslmode": {"disable"}}.Encode()
	config, err := pgconn.ParseConfig(plain.String())
	if err != nil {
		return nil, unavailable("a login to PostgreSQL cannot be used", errors.Unwrap(err))
	}
	encrypted, plaintext, err := l.tls()
	if err != nil {
		return nil, err
	}
	config.TLSConfig, config.Fallbacks = encrypted, fallback(config, encrypted, plaintext)
	config.DialFunc = p.dialer.DialContext
	config.ConnectTimeout = dialTimeout
	config.MaxProtocolMessageBodyLen = hearth.ValueBytesMax + sqlSlack
	config.RuntimeParams = map[string]string{"application_name": "hearth"}
	return func(ctx context.Context) (session, error) {
		conn, err := pgconn.ConnectConfig(ctx, config)
		if err != nil {
			return nil, unavailable("the origin does not answer", err)
		}
		return &postgresSession{conn}, nil
	}, nil
}

// fallback is how a server without TLS is spoken to, where that is allowed.
func fallback(c *pgconn.Config, encrypted *tls.Config, plaintext bool) []*pgconn.FallbackConfig {
	if encrypted == nil || !plaintext {
		return nil
	}
	return []*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port}}
}

type postgresSession struct{ conn *pgconn.PgConn }

func (s *postgresSession) dead() bool { return s.conn.IsClosed() }

func (s *postgresSession) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = s.conn.Close(ctx)
}

func (s *postgresSession) ask(ctx context.Context, q *query, key string) ([]byte, error) {
	// Who stops reading cancels: PostgreSQL is told so and the session ends.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sh, err := s.shapeOf(ctx, q)
	if err != nil {
		return nil, err
	}
	rows := s.conn.ExecParams(ctx, q.text, [][]byte{[]byte(key)}, nil, binary(sh.parameter), binary(sh.column))
	var value []byte
	for n := 0; rows.NextRow(); n++ {
		if n > 0 {
			cancel()
			_, _ = rows.Close()
			return nil, errRows
		}
		value = bytes.Clone(rows.Values()[0]) // nil stays nil: NULL
	}
	fields := rows.FieldDescriptions()
	if _, err := rows.Close(); err != nil {
		q.told(nil)
		return nil, postgresError(err)
	}
	if len(fields) != 1 || fields[0].DataTypeOID != sh.column {
		q.told(nil)
		return nil, unavailable("the origin's table has changed", nil)
	}
	return value, nil
}

// shapeOf returns the query's shape; PostgreSQL is asked for it once.
func (s *postgresSession) shapeOf(ctx context.Context, q *query) (*shape, error) {
	q.mu.Lock()
	known := q.shape
	q.mu.Unlock()
	if known != nil {
		return known, nil
	}
	d, err := s.conn.Prepare(ctx, "", q.text, nil)
	switch {
	case err != nil:
		return nil, postgresError(err)
	case len(d.ParamOIDs) != 1:
		return nil, errParameter
	case len(d.Fields) != 1:
		return nil, errColumns
	}
	sh := &shape{d.ParamOIDs[0], d.Fields[0].DataTypeOID}
	q.told(sh)
	return sh, nil
}

// told keeps a query's shape; nil forgets it.
func (q *query) told(s *shape) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shape = s
}

func postgresError(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return sqlError(said.Code, err)
	}
	return unavailable("the origin does not answer", err)
}
