package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
)

// TicketKind says what a ticket is good for.
type TicketKind uint8

// The kinds of tickets.
const (
	TicketGet TicketKind = 1 + iota // redeems a claim check
	TicketPut                       // brings one payload
)

// Ticket is what the text of a claim check says: which item of which life of a cache it is good for, and how long.
type Ticket struct {
	Kind    TicketKind
	Space   hearth.Space // of the cache's claims: a flush or a delete makes the ticket worthless
	Item    [16]byte     // names the key
	Nonce   [10]byte     // names one payload under that key, or one permission to bring it
	Expires int64        // epoch seconds
}

// The text of a ticket is ticketPrefix, which scanners for leaked secrets can find, and in URL-safe base64: kind, which
// key signed (4 bytes), space, item, nonce, expiry (40 bits), and the MAC of all that.
const (
	ticketPrefix    = "hct_"
	ticketBodyBytes = 1 + 4 + 4 + 16 + 10 + 5
	ticketBytes     = ticketBodyBytes + sha256.Size

	// TicketTextBytes is the length of a ticket's text.
	TicketTextBytes = len(ticketPrefix) + ticketBytes/3*4

	ticketSecondsMax = 1<<40 - 1
)

// Whole groups of three bytes have one text only.
const _ = -uint(ticketBytes % 3)

// Ticket signs a ticket: with a secret that is derived from the key's seed and good for nothing else.
func (k *SigningKey) Ticket(t Ticket) string {
	b := make([]byte, 0, ticketBytes)
	b = append(b, byte(t.Kind))
	b = append(b, k.mark()...)
	b = binary.BigEndian.AppendUint32(b, uint32(t.Space))
	b = append(append(b, t.Item[:]...), t.Nonce[:]...)
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(min(max(t.Expires, 0), ticketSecondsMax)))
	b = append(b, at[3:]...)
	b = append(b, k.ticketMAC(b)...)
	return ticketPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// mark is how tickets say which key signed them.
func (k *SigningKey) mark() []byte {
	h := HashOf("claim ticket key " + k.ID)
	return h[:4]
}

func (k *SigningKey) ticketMAC(body []byte) []byte {
	secret := hmac.New(sha256.New, k.Seed)
	secret.Write([]byte("hearth claim ticket 1"))
	mac := hmac.New(sha256.New, secret.Sum(nil))
	mac.Write(body)
	return mac.Sum(nil)
}

// ParseTicket reads a ticket that one of the keys signed. Errors are Denied: they tell an expired ticket from a wrong
// one, and nothing of what it is for.
func ParseTicket(text string, now time.Time, keys map[string]*SigningKey) (Ticket, error) {
	encoded, ours := strings.CutPrefix(text, ticketPrefix)
	if !ours || len(text) != TicketTextBytes {
		return Ticket{}, errTicket
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) != ticketBytes {
		return Ticket{}, errTicket
	}
	body, mac := b[:ticketBodyBytes], b[ticketBodyBytes:]
	signed := 0
	for _, k := range keys {
		if k.Seed == nil || k.Expires != 0 && now.UnixMilli() >= k.Expires || string(k.mark()) != string(body[1:5]) {
			continue
		}
		signed |= subtle.ConstantTimeCompare(k.ticketMAC(body), mac)
	}
	if signed == 0 {
		return Ticket{}, errTicket
	}
	t := Ticket{Kind: TicketKind(body[0]), Space: hearth.Space(binary.BigEndian.Uint32(body[5:]))}
	copy(t.Item[:], body[9:])
	copy(t.Nonce[:], body[25:])
	var at [8]byte
	copy(at[3:], body[35:])
	if t.Expires = int64(binary.BigEndian.Uint64(at[:])); now.Unix() >= t.Expires {
		return Ticket{}, &hearth.Error{Kind: hearth.Denied, Msg: "the ticket has expired"}
	}
	return t, nil
}

var errTicket = &hearth.Error{Kind: hearth.Denied, Msg: "the ticket is not valid"}
