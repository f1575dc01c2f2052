package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
)

// ClaimOptions says how a payload is kept behind a claim check. The zero ClaimOptions lets hearth choose.
type ClaimOptions struct {
	Key         string        // empty is one that hearth makes up; what the key held before is replaced
	TTL         time.Duration // whole seconds; 0 is an hour
	Reads       int           // how often it may be redeemed; 0 is any number
	ContentType string
}

// Claim is a payload behind a claim check.
type Claim struct {
	Ticket  string `json:"ticket"` // about 100 bytes: whoever has it may redeem the payload, with or without this package
	URL     string `json:"url"`    // the same as an address for plain HTTP
	Cache   string `json:"cache"`
	Key     string `json:"key"`
	Expires int64  `json:"expires_at_epoch_seconds"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"` // in hex
	Reads   int    `json:"reads"`
	Pinned  bool   `json:"pinned"` // it is not evicted before it expires
}

// PutClaim stores a payload behind a claim check. It is read to its end; size is -1 where its length is not known. Only
// ctx bounds how long that takes.
func (c *Cache) PutClaim(ctx context.Context, body io.Reader, size int64, o ClaimOptions) (Claim, error) {
	query := url.Values{}
	if o.Key != "" {
		query.Set("key", o.Key)
	}
	if o.TTL != 0 {
		query.Set("ttl_seconds", strconv.FormatInt(wholeSeconds(o.TTL), 10))
	}
	if o.Reads != 0 {
		query.Set("reads", strconv.Itoa(o.Reads))
	}
	address := c.client.api + "/claims/" + url.PathEscape(c.name) + "?" + query.Encode()
	return c.client.putClaim(ctx, address, c.client.key, body, size, o.ContentType)
}

// wholeSeconds rounds up: what lasts for less than a second must not become what is said by 0.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// PutPermitted stores a payload as a ticket of PermitClaim permits. ticket may be its URL.
func (c *Client) PutPermitted(ctx context.Context, ticket string, body io.Reader, size int64, contentType string) (Claim, error) {
	return c.putClaim(ctx, c.ticketURL(ticket), "", body, size, contentType)
}

func (c *Client) putClaim(ctx context.Context, address, key string, body io.Reader, size int64, contentType string) (Claim, error) {
	if size == 0 {
		body = http.NoBody
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, body)
	if err != nil {
		return Claim{}, err
	}
	req.ContentLength = size
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.transfer(ctx, req, key)
	if err != nil {
		return Claim{}, err
	}
	defer resp.Body.Close()
	var made Claim
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
		return Claim{}, transportError(ctx, err)
	}
	return made, nil
}

// transfer makes a request that may take long.
func (c *Client) transfer(ctx context.Context, req *http.Request, key string) (*http.Response, error) {
	if key != "" {
		req.Header.Set("Authorization", key)
	}
	resp, err := c.plain.Do(req)
	if err != nil {
		return nil, transportError(ctx, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close()
		return nil, problem(resp)
	}
	return resp, nil
}

// ticketURL is where a ticket is redeemed.
func (c *Client) ticketURL(ticket string) string {
	if strings.Contains(ticket, "://") {
		return ticket
	}
	return c.api + "/tickets/" + url.PathEscape(ticket)
}

// Permit is a ticket that permits one upload.
type Permit struct {
	Ticket   string `json:"ticket"`
	URL      string `json:"url"`
	Key      string `json:"key"`
	Expires  int64  `json:"expires_at_epoch_seconds"`
	BytesMax int64  `json:"bytes_max"`
}

// PermitClaim makes a ticket with which somebody without a credential may store one payload of at most bytesMax bytes
// (0: what the cache allows) within a time (0: an hour), kept as o says.
func (c *Cache) PermitClaim(ctx context.Context, bytesMax int64, valid time.Duration, o ClaimOptions) (Permit, error) {
	in := map[string]any{"bytes_max": bytesMax, "valid_seconds": wholeSeconds(valid), "ttl_seconds": wholeSeconds(o.TTL),
		"reads": o.Reads, "content_type": o.ContentType}
	if o.Key != "" {
		in["key"] = o.Key
	}
	var made Permit
	err := c.client.HTTP(ctx, http.MethodPost, "/claims/"+url.PathEscape(c.name)+"/tickets", nil, in, &made)
	return made, err
}

// ClaimBody is a payload that is being redeemed.
type ClaimBody struct {
	Size        int64
	ContentType string

	body io.ReadCloser
	sum  hash.Hash
	want string // in base64
}

// GetClaim redeems a ticket, or its URL. No credential is shown. The body must be closed; only ctx bounds how long
// reading it takes.
func (c *Client) GetClaim(ctx context.Context, ticket string) (*ClaimBody, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.ticketURL(ticket), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := c.transfer(ctx, req, "")
	if err != nil {
		return nil, err
	}
	b := &ClaimBody{Size: resp.ContentLength, ContentType: resp.Header.Get("Content-Type"), body: resp.Body, sum: sha256.New()}
	b.want, _ = strings.CutPrefix(resp.Header.Get("Repr-Digest"), "sha-256=:")
	b.want = strings.TrimSuffix(b.want, ":")
	return b, nil
}

// Read implements io.Reader. At the end it is an error if the bytes are not those that were stored.
func (b *ClaimBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.sum.Write(p[:n])
	if err == io.EOF && b.want != "" && base64.StdEncoding.EncodeToString(b.sum.Sum(nil)) != b.want {
		return n, &hearth.Error{Kind: hearth.Internal, Msg: "the payload was altered on its way: its SHA-256 is another"}
	}
	return n, err
}

// Close ends the transfer.
func (b *ClaimBody) Close() error { return b.body.Close() }

// DeleteClaim deletes what a ticket redeems, or takes the permission back that it is. The client's key must be one that
// may write the payload's key.
func (c *Client) DeleteClaim(ctx context.Context, ticket string) error {
	return c.HTTP(ctx, http.MethodDelete, "/tickets/"+url.PathEscape(ticket[strings.LastIndexByte(ticket, '/')+1:]), nil, nil, nil)
}
