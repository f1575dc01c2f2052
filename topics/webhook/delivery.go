package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/guard"
	"github.com/hearthcache/hearth/topics"
)

// event is the body of a delivery.
type event struct {
	Cache     string  `json:"cache"`
	Topic     string  `json:"topic"`
	Published int64   `json:"event_timestamp"`   // milliseconds: when the message was published
	Sent      int64   `json:"publish_timestamp"` // milliseconds: when this attempt was made
	Sequence  uint64  `json:"topic_sequence_number"`
	Page      uint64  `json:"topic_sequence_page"`
	Publisher string  `json:"token_id"`
	Text      *string `json:"text,omitempty"`
	Binary    *[]byte `json:"binary,omitempty"` // base64
}

func bodyOf(h *Hook, m *topics.Message, now time.Time) ([]byte, error) {
	e := event{Cache: h.Cache, Topic: m.Topic, Published: m.Time, Sent: now.UnixMilli(), Sequence: m.Sequence, Page: m.Page, Publisher: m.Publisher}
	if m.Text {
		text := string(m.Bytes)
		e.Text = &text
	} else {
		e.Binary = &m.Bytes
	}
	return json.Marshal(e)
}

const userAgent = "hearth/1 (webhooks; +https://github.com/hearthcache/hearth/blob/main/docs/topics.md)"

// request makes the request of one attempt. momento-signature is what Momento's receivers verify: over the body, with the
// newest secret. hearth-signature also covers the time, against replays, and has one v1 for each secret that is valid.
func request(ctx context.Context, h *Hook, m *topics.Message, attempt int, now time.Time) (*http.Request, error) {
	body, err := bodyOf(h, m, now)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Momento-Signature", Sign(h.Secret, body))
	r.Header.Set("Hearth-Signature", SignAt(now, body, h.secrets(now)...))
	r.Header.Set("Hearth-Delivery", fmt.Sprintf("%s-%d-%d", h.Name, m.Page, m.Sequence))
	r.Header.Set("Hearth-Attempt", strconv.Itoa(attempt))
	return r, nil
}

// Sign returns the momento-signature of a body: HMAC with SHA3-256 in lower-case hex.
func Sign(secret string, body []byte) string {
	return mac(func() hash.Hash { return sha3.New256() }, secret, body)
}

// SignAt returns the hearth-signature of a body: t=SECONDS, and for each secret v1=HMAC with SHA-256 of "SECONDS.body".
func SignAt(t time.Time, body []byte, secrets ...string) string {
	seconds := strconv.FormatInt(t.Unix(), 10)
	signed := append([]byte(seconds+"."), body...)
	s := "t=" + seconds
	for _, secret := range secrets {
		s += ",v1=" + mac(sha256.New, secret, signed)
	}
	return s
}

func mac(h func() hash.Hash, secret string, body []byte) string {
	m := hmac.New(h, []byte(secret))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

// newClient returns a client that connects to nothing that the guard forbids, directly or by way of a redirect, and
// through no proxy, because a proxy would connect for it.
func newClient(g *guard.Guard) *http.Client {
	dialer := &net.Dialer{Timeout: hearth.WebhookTimeout, Control: g.Control}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    hearth.WebhookTimeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           hearth.WebhookDeliveriesMax,
			MaxIdleConnsPerHost:    hearth.WebhookDestinationMax,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case len(via) > hearth.WebhookRedirectsMax:
				return fmt.Errorf("more than %d redirects", hearth.WebhookRedirectsMax)
			case r.Method != http.MethodPost:
				return http.ErrUseLastResponse // only 307 and 308 repeat the message; the others fail by their status
			case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
				return errors.New("a redirect from https to http")
			}
			return g.CheckURL(r.URL.String())
		},
	}
}

// deliver makes one attempt. The error says in few words why the receiver has not taken the message.
func (s *Sender) deliver(ctx context.Context, h *Hook, m *topics.Message, attempt int) (retryAfter time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	r, err := request(ctx, h, m, attempt, s.now())
	if err != nil {
		return 0, err
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.CopyN(io.Discard, resp.Body, hearth.WebhookResponseBytesRead)
	switch {
	case resp.StatusCode/100 != 2:
		return retryAfterOf(resp), fmt.Errorf("the receiver answered %d", resp.StatusCode)
	case err != nil && !errors.Is(err, io.EOF):
		return 0, fmt.Errorf("the answer broke off: %w", err)
	}
	return 0, nil
}

// retryAfterOf reads how long a busy receiver wants to be left alone, in seconds.
func retryAfterOf(r *http.Response) time.Duration {
	if r.StatusCode != http.StatusTooManyRequests && r.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	n, err := strconv.ParseUint(r.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, hearth.WebhookBackoffMax)
}
