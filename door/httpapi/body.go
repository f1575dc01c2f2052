package httpapi

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hearthcache/hearth"
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

// From blockBytes on a value is read straight into its final place in the engine.
const blockBytes = 64 << 10

// bodyIdleMax is how long a body may bring nothing: it holds memory meanwhile.
const bodyIdleMax = 30 * time.Second

// receive reads the value of an item with that key. What its length says is reserved before anything is read; a body
// that does not say its length gets places of twice the size as it grows.
func (a *API) receive(w http.ResponseWriter, r *http.Request, c *gateway.Caller, key []byte) (*body, error) {
	bytesMax := a.valueMax(c) - int64(len(key))
	if r.ContentLength > bytesMax {
		return nil, errItemTooLarge
	}
	in := &patient{http.MaxBytesReader(w, r.Body, max(bytesMax, 0)), http.NewResponseController(w)}
	defer in.rest()
	if r.ContentLength >= 0 {
		b, err := a.place(c, key, int(r.ContentLength))
		if err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(in, b.bytes); err != nil {
			b.release()
			return nil, endedEarly(err)
		}
		return b, nil
	}
	return a.receiveGrowing(in, c, key, int(bytesMax))
}

func (a *API) receiveGrowing(in io.Reader, c *gateway.Caller, key []byte, bytesMax int) (*body, error) {
	b, n := &body{bytes: make([]byte, min(blockBytes/2, bytesMax))}, 0
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

// patient reads a body as long as it brings something now and then.
type patient struct {
	io.Reader
	control *http.ResponseController
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(bodyIdleMax)) // HTTP/2 watches over its connections itself
	return p.Reader.Read(b)
}

func (p *patient) rest() { _ = p.control.SetReadDeadline(time.Time{}) }

var errItemTooLarge = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize,
	Msg: "request limit: the value is larger than the cache's largest item"}

// endedEarly is the error of a body that could not be read to its end.
func endedEarly(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return errItemTooLarge
	}
	return &hearth.Error{Kind: hearth.Canceled, Msg: "the body ended early", Err: err}
}
