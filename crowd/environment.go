package crowd

import (
	"sync"
	"time"
)

// world is where environments live. What it is asked goes on by then, which a real world calls from the same goroutine,
// and a model when its clock has come to the answer.
type world interface {
	now() time.Duration // since the day began
	sleep(d time.Duration, then func())
	// connect opens what a cold environment needs to reach hearth.
	connect(e *environment, then func(answer))
	get(e *environment, key int, then func(answer))
	set(e *environment, key int, then func(answer))
	load(e *environment, key int, then func(answer))
}

// answer is what came of a request.
type answer struct {
	hit  bool
	took time.Duration // from the last byte sent on an open connection
	dial time.Duration // what opening a connection took, where that was needed
	err  error
}

// environment runs one invocation at a time. What it has read stays in its own memory.
type environment struct {
	id    int
	idle  time.Duration // since when
	local []localItem
	line  any // what a world keeps of it: connections
}

type localItem struct {
	key     int
	expires time.Duration
}

// localItemsMax is how many items an environment keeps; the oldest go first.
const localItemsMax = 128

func (e *environment) has(key int, now time.Duration) bool {
	for _, i := range e.local {
		if i.key == key {
			return now < i.expires
		}
	}
	return false
}

func (e *environment) keep(key int, expires time.Duration) {
	for i := range e.local {
		if e.local[i].key == key {
			e.local[i].expires = expires
			return
		}
	}
	if len(e.local) == localItemsMax {
		e.local = e.local[1:]
	}
	e.local = append(e.local, localItem{key, expires})
}

// platform gives each invocation an environment: the one that became idle last, or a new one.
type platform struct {
	scene *Scene
	how   Strategy
	world world
	tally *tally

	mu      sync.Mutex // guards the rest
	idle    []*environment
	started int
	running int
}

// arrive takes an environment for an invocation.
func (p *platform) arrive(now time.Duration) (e *environment, cold bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running++
	for n := len(p.idle); n > 0; n = len(p.idle) {
		e, p.idle = p.idle[n-1], p.idle[:n-1]
		if now-e.idle < p.scene.Warm {
			return e, false
		}
	}
	p.started++
	return &environment{id: p.started}, true
}

// release makes an environment idle.
func (p *platform) release(e *environment) {
	now := p.world.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	e.idle = now
	p.idle = append(p.idle, e)
}

// counts returns how many environments have been started, and how many of them run.
func (p *platform) counts() (started, running int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.started, p.running
}

// run runs an invocation in an environment, which is idle when done is called.
func (p *platform) run(e *environment, cold bool, number int, v *Invocation, done func()) {
	begin := func() {
		p.reads(e, number, v.Keys, func() {
			p.world.sleep(p.scene.Work, func() {
				p.release(e)
				done()
			})
		})
	}
	p.tally.invoked(number, e.id, cold)
	if !cold {
		begin()
		return
	}
	p.world.sleep(p.scene.Cold, func() {
		if !p.how.shared {
			begin()
			return
		}
		p.world.connect(e, func(a answer) {
			p.tally.connected(a)
			begin()
		})
	})
}

// reads reads one item after another.
func (p *platform) reads(e *environment, number int, keys []int, then func()) {
	if len(keys) == 0 {
		then()
		return
	}
	p.read(e, number, keys[0], func() { p.reads(e, number, keys[1:], then) })
}

// read reads one item: from the environment's own memory, from hearth, or from the origin; what was loaded is set.
func (p *platform) read(e *environment, number, key int, then func()) {
	w := p.world
	if e.has(key, w.now()) {
		p.tally.read(number, key, fromLocal, w.now(), answer{})
		then()
		return
	}
	have := func(from source, a answer) {
		p.tally.read(number, key, from, w.now(), a)
		e.keep(key, w.now()+p.scene.LocalTTL)
	}
	load := func(waited time.Duration, then func()) {
		w.load(e, key, func(a answer) {
			a.took += waited
			have(fromOrigin, a)
			then()
		})
	}
	if !p.how.shared {
		load(0, then)
		return
	}
	w.get(e, key, func(a answer) {
		if a.hit {
			have(fromShared, a)
			then()
			return
		}
		p.tally.failed(a.err)
		load(a.took, func() {
			w.set(e, key, func(a answer) {
				p.tally.failed(a.err)
				then()
			})
		})
	})
}
