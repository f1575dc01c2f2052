package store

import (
	"context"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth/control"
)

// Each gateway tells, at least at every poll, which version of the state it has taken in, so that a change is answered when
// the others have it too.
const (
	seenFresh  = 4 * pollEvery // of one that says nothing more: it is gone
	seenKept   = time.Minute   // of the field of a gateway that is gone
	spreadMost = time.Second   // how long a change waits for the others

	spreadPauseFirst = time.Millisecond
	spreadPauseLast  = 16 * time.Millisecond
)

// seeing notes that a gateway has seen a version.
var seeing = valkey.NewLuaScript(`
local now = redis.call('TIME')
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now[1] * 1000 + now[2] / 1000))`)

// behind counts the gateways other than the one that asks that have not seen a version. Who was not heard of for ARGV[3] is
// not waited for, and forgotten after ARGV[4].
var behind = valkey.NewLuaScript(`
local time = redis.call('TIME')
local now, count = time[1] * 1000 + time[2] / 1000, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local version, at = string.match(all[i + 1], '^(%d+) (%d+)$')
  local age = now - (tonumber(at) or 0)
  if age > tonumber(ARGV[4]) then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] and age <= tonumber(ARGV[3]) and tonumber(version) < tonumber(ARGV[2]) then
    count = count + 1
  end
end
return count`)

// see tells the others what this gateway has seen. What does not arrive makes them wait.
func (v *Valkey) see(ctx context.Context, version uint64) {
	_ = seeing.Exec(ctx, v.client, []string{seenHash}, []string{v.id, strconv.FormatUint(version, 10)}).Error()
}

// Spread implements control.Spreader.
func (v *Valkey) Spread(ctx context.Context, version uint64) {
	args := []string{v.id, strconv.FormatUint(version, 10), milliseconds(seenFresh), milliseconds(seenKept)}
	end := time.Now().Add(spreadMost)
	for pause := spreadPauseFirst; time.Now().Before(end); pause = min(2*pause, spreadPauseLast) {
		if n, err := behind.Exec(ctx, v.client, []string{seenHash}, args).AsInt64(); err != nil || n == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

var _ control.Spreader = (*Valkey)(nil)
