package local

import (
	"cmp"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// GCPercent is what cmd/hearth gives debug.SetGCPercent: the engine counts large collections, the only items on the Go
// heap, with this headroom.
const GCPercent = 50

// HeapAllowance is what the Go heap may take beyond the bound before the collector works harder: cmd/hearth adds it to
// BytesMax for debug.SetMemoryLimit. With what logs and blocks may add it stays below 64 MiB.
const HeapAllowance = 32 << 20

// BytesMax implements engine.Keeper: it returns the bound that the engine keeps.
func (e *Engine) BytesMax() int64 { return e.bytesMax }

// Bound implements engine.Bounder.
func (e *Engine) Bound(id hearth.Space, floor, ceiling int64, weight int) {
	sp := e.space(id)
	sp.floor.Store(floor)
	sp.ceiling.Store(ceiling)
	w := int64(max(1, weight))
	e.weights.Add(w - sp.weight.Swap(w))
}

// Keep implements engine.Keeper.
func (e *Engine) Keep(id hearth.Space) { e.space(id).kept.Store(true) }

// Limit implements engine.Limiter.
func (e *Engine) Limit(id hearth.Space, itemBytes int) { e.space(id).item.Store(int64(itemBytes)) }

// fits returns an error where the command would make the item of en too large. What a command over several collections
// comes to is not known before, so none of them may be too large already: the result is no larger than all together.
func (sp *space) fits(o op.Op, es ...*value.Entry) error {
	most := int(sp.item.Load())
	if most == 0 || !o.Spec().Writes() {
		return nil
	}
	g, grows := o.(op.Grower)
	_, multi := o.(op.Multi)
	for _, en := range es {
		switch {
		case !en.Exists():
		case grows && len(o.Key())+en.Size()+g.Growth(en) > most && g.Growth(en) > 0:
			return engine.ErrItemSize
		case multi && o.Spec().Kind > value.Scalar && en.Size() > most:
			return engine.ErrItemSize
		}
	}
	return nil
}

// Size implements engine.Measurer.
func (e *Engine) Size(id hearth.Space) engine.Size {
	sp := e.spaces.get(id)
	if sp == nil {
		return engine.Size{Max: e.bytesMax}
	}
	z := engine.Size{Expired: sp.expired.Load(), Max: cmp.Or(sp.ceiling.Load(), e.bytesMax)}
	for i := range z.Evicted {
		z.Evicted[i] = sp.evicted[i].Load()
	}
	for _, s := range sp.layout.Load().shards {
		s.lock()
		z.Items += int64(s.items)
		z.Bytes += s.size()
		s.mu.Unlock()
	}
	return z
}

// defaultBytesMax is a quarter of the machine's memory, or of what the control group allows where that is less.
func defaultBytesMax() int64 {
	limit := int64(4 << 30)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		limit = int64(info.Totalram) * int64(info.Unit)
	}
	own, _ := os.ReadFile("/proc/self/cgroup")
	for _, file := range cgroupFiles(string(own)) {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
			limit = min(limit, n)
		}
	}
	return limit / 4
}

// cgroupFiles names where the limits of the groups in /proc/self/cgroup stand, those of all groups above included:
// version 2 has one line, 0::/path, version 1 a line with the controller memory.
func cgroupFiles(own string) (files []string) {
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, name := "", ""
		switch {
		case parts[0] == "0" && parts[1] == "":
			root, name = "/sys/fs/cgroup", "memory.max"
		case strings.Contains(","+parts[1]+",", ",memory,"):
			root, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for path := strings.TrimRight(parts[2], "/"); ; path = path[:strings.LastIndexByte(path, '/')] {
			files = append(files, root+path+"/"+name)
			if path == "" {
				break
			}
		}
	}
	return files
}
