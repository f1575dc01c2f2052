package httpapi

import (
	"errors"
	"io"
	"net/http"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/value"
)

// body is a value that a request brought: its bytes, and the Block that they lie in, where they do.
type body struct {
	bytes []byte
	block *value.Block
}

func (b *body) release() {
	if b.block != nil {
		b.block.Release()
	}
}

// firstBytes is the place that a value has before anything has come of it.
const firstBytes = 4 << 10

// From blockBytes on a value is read straight into its final place in the engine.
const blockBytes = 64 << 10

// receive reads the value of an item with that key. A large one whose length is known is read straight into its final place;
// another gets places of twice the size as it comes.
func (a *API) receive(w http.ResponseWriter, r *http.Request, c *gateway.Caller, key []byte) (*body, error) {
	bytesMax := a.valueMax(c) - int64(len(key))
	if r.ContentLength > bytesMax {
		return nil, errItemTooLarge
	}
	in := &arriving{http.MaxBytesReader(w, r.Body, max(bytesMax, 0)), r.Body}
	if r.ContentLength < 0 {
		return a.receiveGrowing(in, c, key, int(bytesMax))
	}
	if r.ContentLength >= blockBytes {
		block, err := a.gateway.Reserve(c, key, int(r.ContentLength), 0)
		if err != nil {
			return nil, err
		}
		if block != nil {
			return in.receive(&body{block.Bytes(), block})
		}
	}
	return a.receiveGrowing(in, c, key, int(r.ContentLength))
}

// receive reads a value whose place has its size.
func (in *arriving) receive(b *body) (*body, error) {
	in.loosen(b)
	if _, err := io.ReadFull(in, b.bytes); err != nil {
		b.release()
		return nil, endedEarly(err)
	}
	return b, nil
}

// receiveGrowing reads a value of at most bytesMax bytes, which has as much place as has come of it, or twice that.
func (a *API) receiveGrowing(in *arriving, c *gateway.Caller, key []byte, bytesMax int) (*body, error) {
	b, n := &body{bytes: make([]byte, min(firstBytes, bytesMax))}, 0
	for {
		m, err := fill(in, b.bytes[n:])
		n += m
		var more [1]byte
		if err == nil {
			_, err = fill(in, more[:])
		}
		if err == io.EOF {
			return a.move(b, c, key, n, n)
		}
		if err != nil {
			b.release()
			return nil, endedEarly(err)
		}
		// The reader has let one byte more through, so there is room for it.
		if b, err = a.move(b, c, key, n, min(2*n+1, bytesMax)); err != nil {
			return nil, err
		}
		in.loosen(b)
		b.bytes[n] = more[0]
		n++
	}
}

// fill reads until b is full. Its error is io.EOF at the end of the body only: io.ReadFull's does not tell that from a
// body that was cut off.
func fill(in io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = in.Read(b[n:])
		n += m
	}
	if n == len(b) {
		err = nil
	}
	return n, err
}

// move takes the first n bytes of b to a place of another size, and b's place is given back.
func (a *API) move(b *body, c *gateway.Caller, key []byte, n, size int) (*body, error) {
	if len(b.bytes) == size {
		return b, nil
	}
	defer b.release()
	next, err := a.place(c, key, size)
	if err == nil {
		copy(next.bytes, b.bytes[:n])
	}
	return next, err
}

// place returns room for a value: in the engine where it is large.
func (a *API) place(c *gateway.Caller, key []byte, size int) (*body, error) {
	if size < blockBytes {
		return &body{bytes: make([]byte, size)}, nil
	}
	block, err := a.gateway.Reserve(c, key, size, 0)
	switch {
	case err != nil:
		return nil, err
	case block == nil:
		return &body{bytes: make([]byte, size)}, nil
	}
	return &body{bytes: block.Bytes(), block: block}, nil
}

// arriving is a value as it is read: no further than it may be long.
type arriving struct {
	io.Reader
	body io.Reader // the request's, which Reader reads
}

// loosen lets what goes into b be counted as an item's memory alone, where that has it.
func (in *arriving) loosen(b *body) {
	if b.block != nil {
		door.Loosen(in.body)
	}
}

var errItemTooLarge = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize,
	Msg: "request limit: the value is larger than the cache's largest item"}

// endedEarly is the error of a body that could not be read to its end.
func endedEarly(err error) error {
	var over *http.MaxBytesError
	switch {
	case err == door.ErrBudget:
		return err
	case errors.As(err, &over):
		return errItemTooLarge
	}
	return &hearth.Error{Kind: hearth.Canceled, Msg: "the body ended early", Err: err}
}
