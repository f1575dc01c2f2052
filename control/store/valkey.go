package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
)

// Valkey is a control.Store and a control.UsageAdder in a Valkey or Redis server or cluster, for any number of gateways.
// The state is one hash, a field for each object, so that a change sends what it changed. It is as durable as the
// servers are; where they have lost it altogether, the gateways write back what they know.
type Valkey struct {
	client valkey.Client
	id     string // unlike all others'

	mu    sync.Mutex // guards kept; held while the servers are asked
	kept  snapshot   // what the plane has: of the last Load or Save
	ear   *ear
	since time.Time // of the last try to listen
}

// snapshot is the state as the hash has it.
type snapshot struct {
	stamp string // "<version>-<random>": two states of one version, after a failover lost one, are told apart
	state *control.State
	texts map[string]string // field → JSON
}

const (
	stateHash  = "h::control"      // the fields stamp, meta, and <kind>/<name>
	newsOfIt   = "h::control:news" // a channel: a message for each change
	seenHash   = "h::control:seen" // what each gateway has seen: <id> → "<version> <when, in milliseconds>"
	stampField = "stamp"
	metaField  = "meta"
)

// pollEvery bounds how late a change is seen where its message was lost.
const pollEvery = 250 * time.Millisecond

// NewValkey returns a store over a client, which stays the caller's.
func NewValkey(client valkey.Client) *Valkey { return &Valkey{client: client, id: rand.Text()} }

// Close ends the subscription to changes. The others wait no more for this gateway.
func (v *Valkey) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), seenFresh)
	defer cancel()
	_ = v.client.Do(ctx, v.client.B().Hdel().Key(seenHash).Field(v.id).Build()).Error()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deafen()
	return nil
}

// Load implements control.Store.
func (v *Valkey) Load(ctx context.Context) (*control.State, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	if n.stamp == "" && v.kept.stamp != "" {
		// Somebody has emptied the servers, or they have come back without their memory.
		if n, err = v.restore(ctx); err != nil {
			return nil, err
		}
	}
	v.kept = n
	return n.state, nil
}

// read returns what the servers have, which may be nothing; objects that have not changed are those of the snapshot before.
func (v *Valkey) read(ctx context.Context) (snapshot, error) {
	texts, err := v.client.Do(ctx, v.client.B().Hgetall().Key(stateHash).Build()).AsStrMap()
	if err != nil {
		return snapshot{}, unavailable("the control state cannot be read", err)
	}
	stamp := texts[stampField]
	switch stamp {
	case "":
		return snapshot{}, nil
	case v.kept.stamp:
		return v.kept, nil
	}
	s, err := v.parse(texts)
	if err != nil {
		return snapshot{}, fmt.Errorf("control state in Valkey (hash %s): %w", stateHash, err)
	}
	return snapshot{stamp: stamp, state: s, texts: texts}, nil
}

func (v *Valkey) parse(texts map[string]string) (*control.State, error) {
	var m meta
	if err := json.Unmarshal([]byte(texts[metaField]), &m); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", metaField, err)
	}
	if m.Format > format {
		return nil, fmt.Errorf("it was written by a newer hearth (format %d, this one reads %d)", m.Format, format)
	}
	old := v.kept.state
	if old == nil {
		old = &control.State{}
	}
	s := &control.State{Version: m.Version, NextSpace: m.NextSpace, Account: m.Account}
	for field, text := range texts {
		kind, name, ok := strings.Cut(field, "/")
		if !ok {
			continue
		}
		for _, sh := range shelves {
			if sh.name != kind {
				continue
			}
			if err := sh.put(s, old, name, text, v.kept.texts[field] == text); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// saving replaces the stamp if it is the expected one, writes fields, then deletes fields.
var saving = valkey.NewLuaScript(`
if (redis.call('HGET', KEYS[1], 'stamp') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'stamp', ARGV[2])
local n = tonumber(ARGV[3])
for i = 4, 3 + 2*n, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i+1]) end
for i = 4 + 2*n, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
return 1`)

// Save implements control.Store.
func (v *Valkey) Save(ctx context.Context, s *control.State) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if base := v.kept.state; base != nil && s.Version != base.Version+1 {
		return control.ErrStale
	}
	texts, err := v.fields(s)
	if err != nil {
		return err
	}
	var sets, gone []string
	for field, text := range texts {
		if v.kept.texts[field] != text {
			sets = append(sets, field, text)
		}
	}
	for field := range v.kept.texts {
		if _, ok := texts[field]; !ok && field != stampField {
			gone = append(gone, field)
		}
	}
	stamp, err := v.write(ctx, v.kept.stamp, s.Version, sets, gone)
	if err != nil {
		return err
	}
	v.kept = snapshot{stamp: stamp, state: s, texts: texts}
	return nil
}

// restore writes the whole state that the plane has to servers that have none.
func (v *Valkey) restore(ctx context.Context) (snapshot, error) {
	var sets []string
	for field, text := range v.kept.texts {
		if field != stampField {
			sets = append(sets, field, text)
		}
	}
	stamp, err := v.write(ctx, "", v.kept.state.Version, sets, nil)
	if errors.Is(err, control.ErrStale) { // another gateway was faster
		return v.read(ctx)
	}
	return snapshot{stamp: stamp, state: v.kept.state, texts: v.kept.texts}, err
}

// write changes the hash where its stamp is the expected one, tells the others, and returns the new stamp.
func (v *Valkey) write(ctx context.Context, expected string, version uint64, sets, gone []string) (string, error) {
	stamp := strconv.FormatUint(version, 10) + "-" + rand.Text()
	args := append([]string{expected, stamp, strconv.Itoa(len(sets) / 2)}, sets...)
	done, err := saving.Exec(ctx, v.client, []string{stateHash}, append(args, gone...)).AsInt64()
	if err != nil {
		return "", unavailable("the change could not be saved", err)
	}
	if done == 0 {
		return "", control.ErrStale
	}
	// A message that does not arrive is made up for by polling.
	_ = v.client.Do(ctx, v.client.B().Publish().Channel(newsOfIt).Message(stamp).Build()).Error()
	return stamp, nil
}

// fields returns the hash of a state but for its stamp. Objects that the kept state has too are not written anew.
func (v *Valkey) fields(s *control.State) (map[string]string, error) {
	m, err := json.Marshal(meta{Format: format, Version: s.Version, NextSpace: s.NextSpace, Account: s.Account})
	if err != nil {
		return nil, err
	}
	texts := map[string]string{metaField: string(m)}
	old := v.kept.state
	if old == nil {
		old = &control.State{}
	}
	for _, sh := range shelves {
		if err := sh.texts(s, old, v.kept.texts, texts); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// Wait implements control.Store. It returns as soon as the servers have another state than the last Load or Save
// here, also one that is older because they have lost the newest, or none at all. What it is called with was seen.
func (v *Valkey) Wait(ctx context.Context, version uint64) (*control.State, error) {
	for {
		if kept := v.newest(); kept != nil && kept.Version > version {
			return kept, nil
		}
		v.see(ctx, version)
		news := v.listen(ctx)
		stamp, err := v.client.Do(ctx, v.client.B().Hget().Key(stateHash).Field(stampField).Build()).ToString()
		if err != nil && !valkey.IsValkeyNil(err) {
			return nil, unavailable("the control state cannot be read", err)
		}
		v.mu.Lock()
		if stamp != v.kept.stamp {
			n, err := v.read(ctx)
			v.mu.Unlock()
			return n.state, err
		}
		v.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-news:
		case <-time.After(pollEvery):
		}
	}
}

func (v *Valkey) newest() *control.State {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.kept.state
}

func unavailable(what string, err error) error {
	return &hearth.Error{Kind: hearth.Unavailable, Msg: what, Err: err}
}
