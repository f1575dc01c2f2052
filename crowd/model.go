package crowd

import (
	"context"
	"time"
)

// model is a world in virtual time: what happens is an event, and the clock jumps from one to the next. Requests take
// what the scene says; hearth answers at once, and collapses misses and loads from the origin by the rules that
// docs/origins.md and docs/crowd.md give. Equal scenes have equal results.
type model struct {
	scene  *Scene
	how    Strategy
	clock  time.Duration
	events events

	items   map[int]time.Duration // in hearth: when they expire
	flights map[int]*modelFlight
	loads   []load
	busy    int      // loads that the origin answers now
	queue   []func() // loads that wait for it
}

// modelFlight is one load of a missing item, and who waits for it.
type modelFlight struct{ waiters []*modelWaiter }

type modelWaiter struct {
	key      int
	patience time.Duration // until when it waits
	answered bool
	reply    func(hit bool)
}

func newModel(s *Scene, how Strategy) *model {
	return &model{scene: s, how: how, items: map[int]time.Duration{}, flights: map[int]*modelFlight{}}
}

// runModel runs a day in virtual time.
func runModel(ctx context.Context, s *Scene, how Strategy, day []Invocation, progress func(Progress)) (*Result, error) {
	m, t := newModel(s, how), newTally(how, day)
	p := &platform{scene: s, how: how, world: m, tally: t}
	took := time.Duration(0)
	var arrive func(number int)
	arrive = func(number int) {
		if number == len(day) {
			return
		}
		m.sleep(day[number].At-m.clock, func() {
			e, cold := p.arrive(m.clock)
			p.run(e, cold, number, &day[number], func() { took = m.clock })
			arrive(number + 1)
		})
	}
	arrive(0)
	for n := 0; len(m.events.heap) > 0; n++ {
		e := m.events.pop()
		m.clock = e.at
		e.then()
		if n%(1<<16) != 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		progress(Progress{Strategy: how.Title, Done: min(0.99, float64(m.clock)/float64(s.length())), Environments: p.started, Reads: t.r.Reads, OriginLoads: len(m.loads)})
	}
	r := t.result(how, p.started, m.loads)
	r.Took = took
	return r, nil
}

func (m *model) now() time.Duration { return m.clock }

func (m *model) sleep(d time.Duration, then func()) { m.events.push(m.clock+max(d, 0), then) }

func (m *model) connect(_ *environment, then func(answer)) {
	m.sleep(m.scene.ConnectTrip, func() { then(answer{dial: m.scene.ConnectTrip}) })
}

func (m *model) get(_ *environment, key int, then func(answer)) {
	asked, half := m.clock, m.scene.SharedTrip/2
	reply := func(hit bool) {
		m.sleep(half, func() { then(answer{hit: hit, took: m.clock - asked}) })
	}
	m.sleep(half, func() {
		m.ask(&modelWaiter{key: key, patience: m.clock + m.scene.CollapseWait, reply: reply})
	})
}

func (m *model) set(_ *environment, key int, then func(answer)) {
	half := m.scene.SharedTrip / 2
	m.sleep(half, func() {
		m.store(key)
		m.sleep(half, func() { then(answer{}) })
	})
}

func (m *model) load(_ *environment, key int, then func(answer)) {
	asked := m.clock
	m.serve(key, func() { then(answer{took: m.clock - asked}) })
}

// ask is a get that has come to hearth, or looks again.
func (m *model) ask(w *modelWaiter) {
	if m.clock < m.items[w.key] {
		w.answer(true)
		return
	}
	if !m.how.collapse && !m.how.origin || m.clock >= w.patience {
		w.answer(false)
		return
	}
	f := m.flights[w.key]
	if f == nil {
		f = &modelFlight{}
		m.flights[w.key] = f
		if m.how.collapse {
			// It is the loader. When its time is up, the next one is.
			m.sleep(m.scene.CollapseLoad, func() { m.land(w.key, f) })
			w.answer(false)
			return
		}
		m.serve(w.key, func() { m.store(w.key) })
	}
	f.waiters = append(f.waiters, w)
	m.sleep(w.patience-m.clock, func() { w.answer(false) })
}

func (w *modelWaiter) answer(hit bool) {
	if !w.answered {
		w.answered = true
		w.reply(hit)
	}
}

// store puts an item into hearth.
func (m *model) store(key int) {
	m.items[key] = m.clock + m.scene.ItemTTL
	if f := m.flights[key]; f != nil {
		m.land(key, f)
	}
}

// land ends a flight: whoever still waits looks again.
func (m *model) land(key int, f *modelFlight) {
	if m.flights[key] != f {
		return
	}
	delete(m.flights, key)
	for _, w := range f.waiters {
		if !w.answered {
			m.ask(w)
		}
	}
}

// serve is a request to the origin.
func (m *model) serve(key int, then func()) {
	m.loads = append(m.loads, load{key, m.clock})
	work := func() {
		m.busy++
		m.sleep(m.scene.Latency, func() {
			m.busy--
			if len(m.queue) > 0 {
				next := m.queue[0]
				m.queue = m.queue[1:]
				next()
			}
			then()
		})
	}
	if m.scene.Parallel > 0 && m.busy >= m.scene.Parallel {
		m.queue = append(m.queue, work)
		return
	}
	work()
}

// event is something that happens at a time.
type event struct {
	at   time.Duration
	seq  uint64 // of equal times the one that was made first
	then func()
}

// events is a heap: the next event is the first.
type events struct {
	heap []event
	made uint64
}

func (h *events) before(i, j int) bool {
	a, b := &h.heap[i], &h.heap[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (h *events) push(at time.Duration, then func()) {
	h.made++
	h.heap = append(h.heap, event{at, h.made, then})
	for i := len(h.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.before(i, up) {
			return
		}
		h.heap[i], h.heap[up] = h.heap[up], h.heap[i]
		i = up
	}
}

func (h *events) pop() event {
	next, last := h.heap[0], len(h.heap)-1
	h.heap[0], h.heap[last] = h.heap[last], event{}
	h.heap = h.heap[:last]
	for i := 0; ; {
		least := i
		for _, down := range []int{2*i + 1, 2*i + 2} {
			if down < last && h.before(down, least) {
				least = down
			}
		}
		if least == i {
			return next
		}
		h.heap[i], h.heap[least] = h.heap[least], h.heap[i]
		i = least
	}
}
