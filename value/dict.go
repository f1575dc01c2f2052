package value

import "slices"

// Dict is a dictionary: fields with values, each of which may expire on its own. Fields that have expired at the time
// that the dictionary was opened for are as if they were not there. What it returns is borrowed until it is changed;
// what it is given must not be borrowed from it.
type Dict struct {
	keyed
	now     int64
	soonest int64 // no field expires before it; 0 is none ever
}

func newDict() *Dict { return &Dict{keyed: keyed{kind: Dictionary}} }

func (d *Dict) open(view []byte) {
	d.keyed.open(view)
	d.soonest = 0
	if view[0]&mayExpire != 0 {
		d.soonest = d.earliest()
	}
}

func (d *Dict) start() {
	d.keyed.start()
	d.soonest = 0
}

// Clear removes every field.
func (d *Dict) Clear() {
	d.keyed.Clear()
	d.soonest = 0
}

// earliest returns when the first field expires.
func (d *Dict) earliest() int64 {
	var soonest int64
	for rec, s := range d.all {
		if at := expiryOf(rec, s); at != 0 && (soonest == 0 || at < soonest) {
			soonest = at
		}
	}
	return soonest
}

// due reports whether some field may have expired.
func (d *Dict) due() bool { return d.soonest != 0 && d.soonest <= d.now }

func (d *Dict) gone(rec []byte, s span) bool {
	if d.soonest == 0 {
		return false
	}
	at := expiryOf(rec, s)
	return at != 0 && at <= d.now
}

// Purge removes the fields that have expired and returns how many they were.
func (d *Dict) Purge() int {
	if !d.due() {
		return 0
	}
	var dead [][]byte
	for rec, s := range d.all {
		if d.gone(rec, s) {
			dead = append(dead, slices.Clone(rec[s.key:s.keyEnd]))
		}
	}
	for _, field := range dead {
		d.remove(field)
	}
	d.soonest = d.earliest()
	return len(dead)
}

// Len implements Collection. It counts no field that has expired.
func (d *Dict) Len() int {
	n := d.keyed.Len()
	if !d.due() {
		return n
	}
	for rec, s := range d.all {
		if d.gone(rec, s) {
			n--
		}
	}
	return n
}

func (d *Dict) field(field []byte) (rec []byte, s span, ok bool) {
	rec, s, ok = d.lookup(field)
	return rec, s, ok && !d.gone(rec, s)
}

// Get returns the value of a field.
func (d *Dict) Get(field []byte) ([]byte, bool) {
	rec, s, ok := d.field(field)
	if !ok {
		return nil, false
	}
	return rec[s.tail:s.end:s.end], true
}

// Set gives a field a value and takes its expiry away. It reports whether the field is new.
func (d *Dict) Set(field, value []byte) (added bool) {
	if d.due() {
		d.Purge()
	}
	return d.put(&element{key: field, val: value})
}

// Replace gives a field a value and leaves its expiry alone. It reports whether the field is new.
func (d *Dict) Replace(field, value []byte) (added bool) {
	at, _ := d.FieldExpiry(field)
	if d.due() {
		d.Purge()
	}
	return d.put(&element{key: field, val: value, expiry: at})
}

// Delete removes a field.
func (d *Dict) Delete(field []byte) bool {
	if d.due() {
		d.Purge()
	}
	return d.remove(field)
}

// FieldExpiry returns when a field expires, in milliseconds, 0 for never, and whether there is such a field.
func (d *Dict) FieldExpiry(field []byte) (millis int64, ok bool) {
	rec, s, ok := d.field(field)
	if !ok {
		return 0, false
	}
	return expiryOf(rec, s), true
}

// ExpireField sets when a field expires, in milliseconds; 0 is never. It reports whether there is such a field.
func (d *Dict) ExpireField(field []byte, millis int64) bool {
	rec, s, ok := d.field(field)
	switch {
	case !ok:
		return false
	case expiryOf(rec, s) == millis:
		return true
	}
	e := decode(Dictionary, slices.Clone(rec), s)
	e.expiry = millis
	d.put(&e)
	if millis != 0 && (d.soonest == 0 || millis < d.soonest) {
		d.soonest = millis
	}
	return true
}

// All yields every field and its value, in no order.
func (d *Dict) All(yield func(field, value []byte) bool) {
	for rec, s := range d.all {
		if !d.gone(rec, s) && !yield(rec[s.key:s.keyEnd:s.keyEnd], rec[s.tail:s.end:s.end]) {
			return
		}
	}
}

// Scan calls yield for about limit fields from a cursor on and returns the next cursor; 0 begins and ends. A field that
// is there throughout is seen at least once.
func (d *Dict) Scan(cursor uint64, limit int, yield func(field, value []byte)) (next uint64) {
	return d.scan(cursor, limit, func(rec []byte, s span) {
		if !d.gone(rec, s) {
			yield(rec[s.key:s.keyEnd:s.keyEnd], rec[s.tail:s.end:s.end])
		}
	})
}

// Random returns some field and its value. There must be one.
func (d *Dict) Random(r Rand) (field, value []byte) {
	if d.due() {
		d.Purge()
	}
	rec, s := d.random(r)
	return rec[s.key:s.keyEnd:s.keyEnd], rec[s.tail:s.end:s.end]
}

// Sample calls yield for n fields, all different, or for all where there are fewer.
func (d *Dict) Sample(n int, r Rand, yield func(field, value []byte)) {
	if d.due() {
		d.Purge()
	}
	d.sample(n, r, func(rec []byte, s span) {
		yield(rec[s.key:s.keyEnd:s.keyEnd], rec[s.tail:s.end:s.end])
	})
}
