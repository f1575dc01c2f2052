package h2

import "time"

// Suspend implements Suspender.
func (st *stream) Suspend(r Resumer) {
	st.resumer = r
	if len(st.head.timeout) > 0 {
		st.since = time.Now()
	}
}

// Resume implements Suspender.
func (st *stream) Resume() {
	c := st.conn
	c.mu.Lock()
	dead, first := c.dead, len(c.news) == 0
	if !dead {
		c.news = append(c.news, st)
	}
	c.mu.Unlock()
	switch {
	case dead:
		st.resumer.Resumed(false)
	case first: // else the loop has been woken for the others
		c.door.Wake()
	}
}

// goOn lets the handler answer; it runs on the loop.
func (st *stream) goOn() {
	r := st.resumer
	st.resumer, st.borrowed = nil, nil
	if !st.closed {
		r.Resumed(true)
		st.mustEnd()
		return
	}
	r.Resumed(false)
	if !st.kept {
		st.conn.free(st)
	}
}
