package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
)

var ticketNow = time.Unix(1_700_000_000, 0)

func ticketOf(k *SigningKey) (Ticket, string) {
	t := Ticket{Kind: TicketPut, Space: 1<<32 - 1, Expires: ticketNow.Unix() + 60}
	copy(t.Item[:], "0123456789abcdef")
	copy(t.Nonce[:], "0123456789")
	return t, k.Ticket(t)
}

func TestTicket(t *testing.T) {
	k := NewSigningKey(ticketNow.UnixMilli(), ticketNow.Add(time.Hour).UnixMilli())
	other := NewSigningKey(0, 0)
	verifier := *k
	verifier.Seed = nil
	want, text := ticketOf(k)
	check := func(what, text string, now time.Time, ok bool, keys ...*SigningKey) {
		t.Helper()
		m := map[string]*SigningKey{}
		for _, k := range keys {
			m[k.ID] = k
		}
		got, err := ParseTicket(text, now, m)
		if ok && (err != nil || got != want) || !ok && (hearth.KindOf(err) != hearth.Denied || got != Ticket{}) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}

	if len(text) != 100 {
		t.Errorf("a ticket has %d bytes, not 100", len(text))
	}
	check("signed by one of two keys", text, ticketNow, true, other, k)
	check("its last second", text, ticketNow.Add(59*time.Second), true, k)
	check("expired", text, ticketNow.Add(time.Minute), false, k)
	check("its key has expired", text, ticketNow.Add(2*time.Hour), false, k)
	check("its key is revoked", text, ticketNow, false, other)
	check("no key", text, ticketNow, false)
	check("only the public half of its key", text, ticketNow, false, &verifier)
	check("cut", text[:99], ticketNow, false, k)
	check("longer", text+"A", ticketNow, false, k)
	check("a line break for a letter", text[:50]+"\n"+text[51:], ticketNow, false, k)
	check("a line break more", text[:50]+"\n"+text[50:], ticketNow, false, k)
	check("empty", "", ticketNow, false, k)
	check("another prefix", "hcx_"+text[4:], ticketNow, false, k)
	check("the MAC of another key", text[:57]+other.Ticket(want)[57:], ticketNow, false, k, other)
}

// TestTicketBits alters each bit of the text, and of what it says.
func TestTicketBits(t *testing.T) {
	k := NewSigningKey(0, 0)
	_, text := ticketOf(k)
	keys := map[string]*SigningKey{k.ID: k}
	for i := range len(text) * 8 {
		b := []byte(text)
		b[i/8] ^= 1 << (i % 8)
		if got, err := ParseTicket(string(b), ticketNow, keys); err == nil {
			t.Fatalf("bit %d altered: %+v", i, got)
		}
	}
}

func FuzzParseTicket(f *testing.F) {
	k := &SigningKey{ID: "k", Seed: []byte(strings.Repeat("s", 32))}
	keys := map[string]*SigningKey{k.ID: k}
	_, text := ticketOf(k)
	f.Add(text)
	f.Add(text[:40])
	f.Add("hct_")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ParseTicket(text, ticketNow, keys); err == nil && k.Ticket(got) != text {
			t.Errorf("%q is accepted as %+v, whose text is another", text, got)
		}
	})
}
