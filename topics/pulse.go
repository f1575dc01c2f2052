package topics

import (
	"sync"
	"time"
)

const (
	pulseSlots = 8
	pulseEvery = time.Second
	pulseGroup = 128 // so many that begin one after another, mostly on one connection, are called together
)

// Pulse calls each of its Beats about once a second, all from one timer, which runs only while there are some. The zero
// Pulse is ready to use.
type Pulse struct {
	mu    sync.Mutex // guards the rest, and slot and index of each Beat
	slots [pulseSlots][]*Beat
	count int
	added int
	hand  int // the slot that is called next
	next  time.Time
	timer *time.Timer
	calls []*Beat // of the slot that is being called
}

// Beat is one place in a Pulse. The zero Beat is ready to start.
type Beat struct {
	call  func()
	slot  int
	index int

	mu      sync.Mutex // held while call runs
	stopped bool       // guarded by mu
}

// Start calls call about once a second until Stop. The call never waits.
func (p *Pulse) Start(b *Beat, call func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.call, b.stopped = call, false
	b.slot = p.added / pulseGroup % pulseSlots
	b.index = len(p.slots[b.slot])
	p.slots[b.slot] = append(p.slots[b.slot], b)
	p.added++
	if p.count++; p.count > 1 {
		return
	}
	p.hand, p.next = b.slot, time.Now().Add(pulseEvery)
	if p.timer == nil {
		p.timer = time.AfterFunc(pulseEvery, p.tick)
	} else {
		p.timer.Reset(pulseEvery)
	}
}

// Stop ends the calls; none happens after it returns. It is not called by the call itself.
func (p *Pulse) Stop(b *Beat) {
	b.mu.Lock()
	was := b.stopped || b.call == nil
	b.stopped = true
	b.mu.Unlock()
	if was {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	slot := p.slots[b.slot]
	last := len(slot) - 1
	slot[b.index] = slot[last]
	slot[b.index].index = b.index
	slot[last] = nil
	p.slots[b.slot] = slot[:last]
	if p.count--; p.count == 0 {
		p.timer.Stop()
		p.slots, p.calls = [pulseSlots][]*Beat{}, nil
	}
}

// Now calls every Beat at once, beside its turn.
func (p *Pulse) Now() {
	p.mu.Lock()
	var calls []*Beat
	for _, slot := range p.slots {
		calls = append(calls, slot...)
	}
	p.mu.Unlock()
	callAll(calls)
}

func callAll(calls []*Beat) {
	for _, b := range calls {
		b.mu.Lock()
		if !b.stopped {
			b.call()
		}
		b.mu.Unlock()
	}
	clear(calls)
}

// tick calls one slot and sets the timer for the next one that is not empty.
func (p *Pulse) tick() {
	p.mu.Lock()
	if p.count == 0 {
		p.mu.Unlock()
		return
	}
	calls := append(p.calls[:0], p.slots[p.hand]...)
	p.calls = nil
	p.mu.Unlock()
	callAll(calls)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = calls
	if p.count > 0 {
		p.advance()
		p.timer.Reset(time.Until(p.next))
	}
}

// advance moves the hand to the next slot that is not empty, and the time with it. A tick that came very late is not
// made up for.
func (p *Pulse) advance() {
	for {
		p.hand = (p.hand + 1) % pulseSlots
		p.next = p.next.Add(pulseEvery / pulseSlots)
		if len(p.slots[p.hand]) > 0 {
			break
		}
	}
	if late := time.Since(p.next); late > pulseEvery {
		p.next = p.next.Add(late)
	}
}
