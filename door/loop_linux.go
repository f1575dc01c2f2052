package door

import (
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Loops drive connections: each connection stays on one of a few goroutines, which wait for all their sockets at once.
// The zero Loops is ready to use; nothing is started before the first connection.
type Loops struct {
	// Count is the number of loops; 0 is one for each processor that Go uses.
	Count int
	// Flush is called, where it is not nil, when a loop has run everything that it had: what its sessions have begun
	// together is sent together. It does not wait.
	Flush func()

	mu    sync.Mutex // guards the rest
	loops []*loop
	next  int
}

// loop is one of them. Everything but the part that says so belongs to its goroutine.
type loop struct {
	epoll   int
	event   int // a descriptor that ends the wait
	buf     []byte
	ahead   ahead
	out     Writer
	cipher  []byte // what TLS has sealed in this turn
	record  []byte // what TLS will seal together
	slots   []*Conn
	free    []int32
	freed   []int32 // free from the next round on, since events of this one may still name them
	more    []*Conn // have more to do
	spare   []*Conn
	timed   map[*Conn]struct{} // have an until
	flush   func()
	misses  int       // polls in a row that found nothing; beyond missesMax, sleeps without one
	yielded time.Time // when other goroutines last had their turn

	mu       sync.Mutex // guards the rest
	woken    []*Conn
	sleeping bool
	stopping bool
}

// pick returns the loop for the next connection, and starts it if need be.
func (ls *Loops) pick() (*loop, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	count := ls.Count
	if count <= 0 {
		count = loopsDefault()
	}
	ls.next++
	if i := ls.next % count; i < len(ls.loops) {
		return ls.loops[i], nil
	}
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	l.flush = ls.Flush
	ls.loops = append(ls.loops, l)
	go l.run()
	return l, nil
}

// Close ends the goroutines; there must be no connection left.
func (ls *Loops) Close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.loops {
		l.mu.Lock()
		l.stopping = true
		l.mu.Unlock()
		l.rouse()
	}
	ls.loops = nil
}

func newLoop() (*loop, error) {
	l := &loop{timed: map[*Conn]struct{}{}}
	var err error
	if l.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		_ = syscall.Close(l.epoll)
		return nil, errno
	}
	l.event = int(fd)
	e := syscall.EpollEvent{Events: syscall.EPOLLIN | edge, Fd: -1}
	if err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, l.event, &e); err != nil {
		_ = syscall.Close(l.epoll)
		_ = syscall.Close(l.event)
		return nil, err
	}
	return l, nil
}

// edge is EPOLLET, which the syscall package has as a negative number.
const edge = 1 << 31

// wake lets the loop call c's turn.
func (l *loop) wake(c *Conn) {
	l.mu.Lock()
	l.woken = append(l.woken, c)
	asleep := l.sleeping
	l.sleeping = false
	l.mu.Unlock()
	if asleep {
		l.rouse()
	}
}

func (l *loop) rouse() {
	one := uint64(1)
	_, _, _ = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(l.event), uintptr(unsafe.Pointer(&one)), 8)
}

// run serves until the loop is closed.
func (l *loop) run() {
	l.buf = make([]byte, readBytes)
	var events [256]syscall.EpollEvent
	for {
		l.free = append(l.free, l.freed...)
		l.freed = l.freed[:0]
		l.serve(events[:l.wait(events[:])])
		if !l.runWoken() {
			break
		}
		l.runMore()
		if len(l.timed) > 0 {
			l.runTimed()
		}
		if l.flush != nil {
			l.flush()
		}
	}
	_ = syscall.Close(l.epoll)
	_ = syscall.Close(l.event)
}

// wait returns the number of events. It sleeps only when there is nothing else to do.
func (l *loop) wait(events []syscall.EpollEvent) int {
	if l.polls() {
		n := l.poll(events)
		if n > 0 {
			l.misses = 0
		}
		if n > 0 || len(l.more) > 0 {
			return n
		}
	}
	l.mu.Lock()
	l.sleeping = len(l.woken) == 0 && !l.stopping
	asleep := l.sleeping
	l.mu.Unlock()
	if !asleep {
		return 0
	}
	l.yield()
	patience := -1
	if len(l.timed) > 0 {
		patience = tickMillis
	}
	n, err := syscall.EpollWait(l.epoll, events, patience)
	l.mu.Lock()
	l.sleeping = false
	l.mu.Unlock()
	if err != nil {
		return 0
	}
	if n > 1 {
		l.misses = 0
	}
	return n
}

// polls reports whether to ask for events before sleeping. That spares telling the scheduler of a sleep where events are
// there already. A loop whose clients are slower than it finds none each time: it sleeps at once, which is a system call
// less, and asks now and then whether this has changed.
func (l *loop) polls() bool {
	if len(l.more) > 0 {
		return true
	}
	if l.misses++; l.misses == missesMax+sleepsMax {
		l.misses = missesMax
	}
	return l.misses <= missesMax
}

// yield lets other goroutines have their turn, once in yieldMillis. Go's monitor sends a signal to a thread whose goroutine
// has run for 10 ms without that, and then looks at all of them every 20 µs for a while.
func (l *loop) yield() {
	if time.Since(l.yielded) > yieldMillis*time.Millisecond {
		runtime.Gosched()
		l.yielded = time.Now()
	}
}

// poll asks for events without telling the scheduler.
func (l *loop) poll(events []syscall.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// runWoken gives a turn to whoever was woken, and reports whether the loop goes on.
func (l *loop) runWoken() bool {
	l.mu.Lock()
	woken := l.woken
	l.woken = l.spare
	stopping := l.stopping
	l.mu.Unlock()
	for _, c := range woken {
		switch {
		case c.state == closed:
		case c.slot < 0:
			l.add(c)
		default:
			c.turn(l, nil)
		}
	}
	clear(woken)
	if cap(woken) > wokenKept {
		woken = nil
	}
	l.spare = woken[:0]
	return !stopping || len(woken) > 0
}

// again lets c have another turn after the others.
func (l *loop) again(c *Conn) {
	if !c.again {
		c.again = true
		l.more = append(l.more, c)
	}
}

func (l *loop) runMore() {
	more := l.more
	l.more = nil
	for _, c := range more {
		c.again = false
		if c.state != closed {
			c.ready(l, 0, nil)
		}
	}
	if l.more == nil {
		clear(more)
		l.more = more[:0]
	}
}

// add takes a connection in.
func (l *loop) add(c *Conn) {
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		c.slot = int32(len(l.slots))
		l.slots = append(l.slots, nil)
	}
	l.slots[c.slot] = c
	c.readable = c.secure != nil // the handshake may have read what comes after it
	c.begin(l)
	e := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edge, Fd: c.slot}
	if err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, c.fd, &e); err != nil {
		c.fail()
	}
	c.turn(l, nil)
}

// remove lets a connection go.
func (l *loop) remove(c *Conn) {
	if c.slot >= 0 {
		l.slots[c.slot] = nil
		l.freed = append(l.freed, c.slot)
	}
	delete(l.timed, c)
}

// ready handles what epoll said of c, and what was read ahead of it.
func (c *Conn) ready(l *loop, events uint32, ahead []byte) {
	if events&(syscall.EPOLLIN|syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		c.readable = true
		c.hup = c.hup || events&syscall.EPOLLIN != events&^uint32(syscall.EPOLLOUT)
		if c.secure != nil {
			c.secure.dry = false
		}
	}
	if events&syscall.EPOLLOUT != 0 && c.queued > 0 {
		c.unqueue()
	}
	if c.state == parting {
		c.discard(l)
		c.wind()
		return
	}
	if c.waiting && events&syscall.EPOLLIN != 0 && !c.hup && c.presser != nil {
		c.presser.Pressed()
	}
	c.turn(l, ahead)
}

// discard throws away what still comes from a peer that was told of the end.
func (c *Conn) discard(l *loop) {
	for i := 0; c.readable && !c.gone && i < readsPerTurn; i++ {
		if _, err := c.readSocket(l.buf); err == errAgain {
			c.readable = false
		} else if err != nil {
			c.gone = true
		}
	}
	if c.readable && !c.gone {
		l.again(c)
	}
}

// expect ends c unless it makes progress within millis.
func (l *loop) expect(c *Conn, millis int64) {
	c.until = nowMillis() + millis
	l.timed[c] = struct{}{}
}

// runTimed ends the connections whose time is over.
func (l *loop) runTimed() {
	now := nowMillis()
	for c := range l.timed {
		guest := c.guest.Load()
		switch {
		case c.until == 0 && guest == 0:
			delete(l.timed, c)
		case c.until != 0 && c.until <= now, guest != 0 && guest <= now:
			c.end()
		}
	}
}

func nowMillis() int64 { return time.Now().UnixMilli() }
