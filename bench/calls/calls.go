// Package calls makes gRPC's Get and Set calls over one HTTP/2 connection, for loads. It is no more of a client than they need,
// because it must cost less than the server.
package calls

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"net"
	"sync/atomic"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// The sizes of keys and values.
const (
	KeyBytes   = 20
	ValueBytes = 100
)

// Wish is one call.
type Wish struct {
	Key   [KeyBytes]byte
	Set   bool // else it is a Get
	Fresh bool // may be missing
}

// Source says what is called, one call after another.
type Source interface {
	Next() Wish
	// Missed is told of a fresh key that was missing.
	Missed(key [KeyBytes]byte)
}

// Driver keeps a number of calls under way.
type Driver struct {
	nc      net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	framer  *http2.Framer
	block   bytes.Buffer // of headers
	encoder *hpack.Encoder
	decoder *hpack.Decoder
	status  string // of the answer that is read

	cache   string
	source  Source
	streams int
	next    uint32 // stream
	calls   map[uint32]*call
	idle    []*call
	window  int // bytes that the gateway takes now
	taken   int // bytes that it has not been told of
	message []byte
}

// call is one that is under way.
type call struct {
	wish  Wish
	bytes int // of the answer's message
}

const (
	windowBytes = 1 << 20 // of answers, until the gateway is told that they were read
	ttlMillis   = "\x18\x80\xdd\xdb\x01"
)

var value = bytes.Repeat([]byte("v"), ValueBytes)

// Dial connects to a gateway, for calls about a cache of which so many are under way at once.
func Dial(addr, cache string, streams int, source Source) (*Driver, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	d := &Driver{nc: nc, r: bufio.NewReaderSize(nc, 64<<10), w: bufio.NewWriterSize(nc, 64<<10), cache: cache, source: source,
		streams: streams, next: 1, calls: map[uint32]*call{}, window: 65_535}
	d.framer = http2.NewFramer(d.w, d.r)
	d.framer.SetReuseFrames()
	d.encoder = hpack.NewEncoder(&d.block)
	d.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == "grpc-status" {
			d.status = f.Value
		}
	})
	d.w.WriteString(http2.ClientPreface)
	if err = d.framer.WriteSettings(); err == nil {
		err = d.framer.WriteWindowUpdate(0, math.MaxInt32-65_535)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return d, nil
}

// Close ends the connection.
func (d *Driver) Close() { d.nc.Close() }

// Drive calls until stopped is set, and counts the answers in done.
func (d *Driver) Drive(done *atomic.Int64, stopped *atomic.Bool) error {
	for !stopped.Load() {
		for len(d.calls) < d.streams && d.window > 0 {
			if err := d.call(d.source.Next()); err != nil {
				return err
			}
		}
		if err := d.w.Flush(); err != nil {
			return err
		}
		// All that has come is read before the next calls are sent together.
		for first := true; first || d.r.Buffered() > 0; first = false {
			if err := d.read(done); err != nil {
				return err
			}
		}
	}
	return nil
}

// call begins a call.
func (d *Driver) call(o Wish) error {
	method := "Get"
	m := append(d.message[:0], 0, 0, 0, 0, 0, '\x0a', KeyBytes)
	m = append(m, o.Key[:]...)
	if o.Set {
		method = "Set"
		m = append(m, '\x12', ValueBytes)
		m = append(append(m, value...), ttlMillis...)
	}
	m[4] = byte(len(m) - 5)
	d.message = m
	d.block.Reset()
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/cache_client.Scs/" + method}, {":authority", "fleet"},
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"authorization", "none"}, {"cache", d.cache}} {
		if err := d.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return err
		}
	}
	c := &call{}
	if n := len(d.idle); n > 0 {
		c, d.idle = d.idle[n-1], d.idle[:n-1]
	}
	*c = call{wish: o}
	d.calls[d.next] = c
	err := d.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: d.next, BlockFragment: d.block.Bytes(), EndHeaders: true})
	if err == nil {
		err = d.framer.WriteData(d.next, true, m)
	}
	d.next += 2
	d.window -= len(m)
	return err
}

// read takes one frame.
func (d *Driver) read(done *atomic.Int64) error {
	frame, err := d.framer.ReadFrame()
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return d.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return d.framer.WritePing(true, f.Data)
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			d.window += int(f.Increment)
		}
	case *http2.DataFrame:
		return d.data(f)
	case *http2.HeadersFrame:
		if _, err := d.decoder.Write(f.HeaderBlockFragment()); err != nil {
			return err
		}
		if f.StreamEnded() {
			done.Add(1)
			return d.answered(f.StreamID)
		}
	case *http2.RSTStreamFrame, *http2.GoAwayFrame:
		return fmt.Errorf("the gateway sent %v", f)
	}
	return nil
}

func (d *Driver) data(f *http2.DataFrame) error {
	if c := d.calls[f.StreamID]; c != nil {
		c.bytes += len(f.Data())
	}
	if d.taken += len(f.Data()); d.taken < windowBytes {
		return nil
	}
	n := d.taken
	d.taken = 0
	return d.framer.WriteWindowUpdate(0, uint32(n))
}

// answered ends a call.
func (d *Driver) answered(stream uint32) error {
	c := d.calls[stream]
	if c == nil || d.status != "0" {
		return errors.New("the gateway answered with status " + d.status)
	}
	delete(d.calls, stream)
	d.idle = append(d.idle, c)
	switch {
	case c.wish.Set || c.bytes >= ValueBytes:
	case c.wish.Fresh:
		d.source.Missed(c.wish.Key)
	default:
		return fmt.Errorf("%s is missing", c.wish.Key[:])
	}
	return nil
}
