package h2

// table finds streams by their number. Clients count up, so a stream's place follows from its number and is free as
// long as those open at once are near each other; the few that stay open for long move to a map.
type table struct {
	near  []*stream // by half the number, modulo a power of two
	far   map[uint32]*stream
	count int
}

const (
	nearMin = 8
	nearMax = 256
)

func (t *table) get(id uint32) *stream {
	if len(t.near) == 0 {
		return nil
	}
	if st := t.near[int(id>>1)&(len(t.near)-1)]; st != nil && st.id == id {
		return st
	}
	if len(t.far) == 0 {
		return nil
	}
	return t.far[id]
}

func (t *table) add(st *stream) {
	t.count++
	if t.near == nil {
		t.near = make([]*stream, nearMin)
	}
	for {
		place := &t.near[int(st.id>>1)&(len(t.near)-1)]
		if *place == nil {
			*place = st
			return
		}
		if len(t.near) == nearMax {
			if t.far == nil {
				t.far = map[uint32]*stream{}
			}
			t.far[(*place).id] = *place
			*place = st
			return
		}
		t.grow()
	}
}

// grow doubles the places. Streams that had one each still do.
func (t *table) grow() {
	old := t.near
	t.near = make([]*stream, 2*len(old))
	for _, st := range old {
		if st != nil {
			t.near[int(st.id>>1)&(len(t.near)-1)] = st
		}
	}
}

func (t *table) remove(st *stream) {
	t.count--
	if place := &t.near[int(st.id>>1)&(len(t.near)-1)]; *place == st {
		*place = nil
		return
	}
	delete(t.far, st.id)
}

// all returns every stream.
func (t *table) all() []*stream {
	all := make([]*stream, 0, t.count)
	for _, st := range t.near {
		if st != nil {
			all = append(all, st)
		}
	}
	for _, st := range t.far {
		all = append(all, st)
	}
	return all
}
