package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/hearthcache/hearth/client"
)

// remote are the flags of every command that talks to a running server and prints a result.
type remote struct {
	target
	Output string `short:"o" default:"text" enum:"text,json" help:"How results are printed: text or json."`
}

// target are the flags that say which server.
type target struct {
	Endpoint string        `env:"HEARTH_ENDPOINT,MOMENTO_ENDPOINT" placeholder:"HOST:PORT" help:"The server: HOST:PORT for plaintext, or a base DOMAIN for TLS to cache.DOMAIN:443. Default: 127.0.0.1:8080, or what a v1 key carries."`
	Key      string        `env:"HEARTH_KEY,MOMENTO_API_KEY" placeholder:"KEY" help:"API key or token. A hearth on this machine that is open needs none."`
	CA       string        `name:"ca" env:"HEARTH_CA" placeholder:"FILE" help:"PEM file of the authority to trust, such as the one that serve --tls-self-signed made."`
	Timeout  time.Duration `default:"5s" help:"How long the server may take."`
}

func (r *target) dial() (*client.Client, error) {
	o := client.Options{Endpoint: r.Endpoint, Key: r.Key, Timeout: r.Timeout}
	if r.CA != "" {
		pem, err := os.ReadFile(r.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca %s holds no PEM certificate", r.CA)
		}
		o.TLS = &tls.Config{RootCAs: roots}
	}
	return client.New(o)
}

// do runs f with a client that is closed afterwards.
func (r *target) do(f func(*client.Client) error) error {
	c, err := r.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// print writes v as JSON, or as f writes it where the output is text.
func (r *remote) print(w io.Writer, v any, f func(io.Writer)) error {
	if r.Output == "json" {
		return json.NewEncoder(w).Encode(v)
	}
	f(w)
	return nil
}

// count says how many of something there are.
func count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// table writes aligned columns.
func table(w io.Writer, header string, rows func(w io.Writer)) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, header)
	rows(t)
	t.Flush()
}
