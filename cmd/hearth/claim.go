package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"
	"github.com/hearthcache/hearth/client"
)

type claimCommands struct {
	Put     claimPut     `cmd:"" help:"Store a payload of any size and print a ticket of 100 bytes that redeems it."`
	Get     claimGet     `cmd:"" help:"Redeem a ticket, or its URL. It needs no key."`
	Presign claimPresign `cmd:"" help:"Print a ticket that permits somebody else one upload."`
	Delete  claimDelete  `cmd:"" help:"Delete what a ticket redeems, or take back the permission that it is."`
}

// kept are the flags that say how a payload is kept.
type kept struct {
	ItemKey     string        `name:"item-key" placeholder:"KEY" help:"Key of the payload. It replaces what the key held before. Default: one that is made up."`
	TTL         time.Duration `name:"ttl" default:"1h" help:"Time to live of the payload."`
	Reads       int           `help:"How often it may be redeemed; 0 is any number."`
	ContentType string        `placeholder:"TYPE" help:"Content type of the payload."`
	URL         bool          `name:"url" help:"Print the URL in place of the ticket."`
}

func (k *kept) options() client.ClaimOptions {
	return client.ClaimOptions{Key: k.ItemKey, TTL: k.TTL, Reads: k.Reads, ContentType: k.ContentType}
}

func (k *kept) choose(ticket, url string) string {
	if k.URL {
		return url
	}
	return ticket
}

type claimPut struct {
	remote
	kept
	File  string `arg:"" help:"The payload; - reads it from standard input."`
	Cache string `xor:"where" placeholder:"NAME" help:"Name of the cache."`
	To    string `xor:"where" placeholder:"TICKET" help:"Bring it with this ticket of hearth claim presign, or its URL."`
}

// Run prints the ticket, and about it to standard error.
func (p *claimPut) Run(ctx context.Context, k *kong.Context) error {
	in, size, err := openPayload(p.File)
	if err != nil {
		return err
	}
	defer in.Close()
	body := &transfer{w: k.Stderr, what: "sent", total: size, r: in}
	return p.do(func(c *client.Client) (err error) {
		var made client.Claim
		switch {
		case p.To != "":
			made, err = c.PutPermitted(ctx, p.To, body, size, p.ContentType)
		case p.Cache != "":
			made, err = c.Cache(p.Cache).PutClaim(ctx, body, size, p.options())
		default:
			return fmt.Errorf("--cache or --to says where the payload goes")
		}
		body.end()
		if err != nil {
			return err
		}
		return p.print(k.Stdout, made, func(w io.Writer) {
			fmt.Fprintln(w, p.choose(made.Ticket, made.URL))
			pinned := "it will not be evicted"
			if !made.Pinned {
				pinned = "not pinned: it may be evicted under memory pressure"
			}
			fmt.Fprintf(k.Stderr, "%s of %s until %s; %s\n", size1(made.Size), made.Key, time.Unix(made.Expires, 0).Format(time.RFC3339), pinned)
		})
	})
}

// openPayload returns a file, or standard input for -, and its size where that is known.
func openPayload(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return f, -1, err
	}
	return f, info.Size(), nil
}

type claimGet struct {
	target
	Ticket string `arg:"" help:"The ticket, or its URL."`
	File   string `short:"o" name:"output" placeholder:"FILE" help:"Write the payload here; default: standard output. A file appears once it is whole."`
}

// Run writes the payload.
func (g *claimGet) Run(ctx context.Context, k *kong.Context) error {
	return g.do(func(c *client.Client) error {
		body, err := c.GetClaim(ctx, g.Ticket)
		if err != nil {
			return err
		}
		defer body.Close()
		in := &transfer{w: k.Stderr, what: "received", total: body.Size, r: body}
		defer in.end()
		if g.File == "" {
			_, err := io.Copy(k.Stdout, in)
			return err
		}
		return writeWhole(g.File, in)
	})
}

// writeWhole makes a file that is there only when all of it is.
func writeWhole(name string, in io.Reader) error {
	part := name + ".part"
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		_ = os.Remove(part)
	}
	return err
}

type claimPresign struct {
	remote
	kept
	Cache    string        `required:"" placeholder:"NAME" help:"Name of the cache."`
	MaxBytes int64         `placeholder:"BYTES" help:"The most bytes that may be brought; default: what the cache allows."`
	Valid    time.Duration `default:"1h" help:"How long the ticket is valid."`
}

// Run prints the ticket.
func (p *claimPresign) Run(ctx context.Context, k *kong.Context) error {
	return p.do(func(c *client.Client) error {
		made, err := c.Cache(p.Cache).PermitClaim(ctx, p.MaxBytes, p.Valid, p.options())
		if err != nil {
			return err
		}
		return p.print(k.Stdout, made, func(w io.Writer) { fmt.Fprintln(w, p.choose(made.Ticket, made.URL)) })
	})
}

type claimDelete struct {
	remote
	Ticket string `arg:"" help:"The ticket, or its URL."`
}

// Run deletes.
func (d *claimDelete) Run(ctx context.Context, k *kong.Context) error {
	return d.do(func(c *client.Client) error {
		if err := c.DeleteClaim(ctx, d.Ticket); err != nil {
			return err
		}
		return d.print(k.Stdout, map[string]any{"deleted": true}, func(io.Writer) {})
	})
}

// transfer says, while it is read, how far a transfer is: once it has taken a while, in place on a terminal and a line
// now and then elsewhere.
type transfer struct {
	w     io.Writer
	what  string
	total int64 // -1 where it is not known
	r     io.Reader

	n           int64
	began, said time.Time
}

// When progress is said.
const (
	progressAfter    = time.Second
	progressTerminal = 200 * time.Millisecond
	progressElse     = 10 * time.Second
)

// Read implements io.Reader.
func (t *transfer) Read(b []byte) (int, error) {
	now := time.Now()
	if t.began.IsZero() {
		t.began = now
	}
	n, err := t.r.Read(b)
	t.n += int64(n)
	every := progressElse
	if isTerminal(t.w) {
		every = progressTerminal
	}
	if now.Sub(t.began) > progressAfter && now.Sub(t.said) > every {
		t.said = now
		t.say(now)
	}
	return n, err
}

func (t *transfer) say(now time.Time) {
	begin, end := "", "\n"
	if isTerminal(t.w) {
		begin, end = "\r\033[K", ""
	}
	of := ""
	if t.total > 0 {
		of = fmt.Sprintf(" of %s (%d %%)", size1(t.total), t.n*100/t.total)
	}
	fmt.Fprintf(t.w, "%s%s %s%s, %s/s%s", begin, t.what, size1(t.n), of, size1(int64(float64(t.n)/now.Sub(t.began).Seconds())), end)
}

// end leaves a terminal's line as it was.
func (t *transfer) end() {
	if !t.said.IsZero() && isTerminal(t.w) {
		fmt.Fprint(t.w, "\r\033[K")
	}
}

// size1 shows a number of bytes with one decimal.
func size1(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
