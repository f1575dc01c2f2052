package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
)

var value = bytes.Repeat([]byte("v"), valueBytes)

// respConn is a connection that speaks RESP 2.
type respConn struct {
	nc net.Conn
	r  *bufio.Reader
	w  *bufio.Writer
}

func dialRESP(addr, cache string) (*respConn, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &respConn{nc, bufio.NewReaderSize(nc, 64<<10), bufio.NewWriterSize(nc, 64<<10)}
	fmt.Fprintf(c.w, "*3\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n$4\r\nnone\r\n", len(cache), cache)
	if err = c.w.Flush(); err == nil {
		_, err = c.answer()
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// Close implements driver.
func (c *respConn) Close() { c.nc.Close() }

func (c *respConn) ask(o *wish) {
	if o.Set {
		c.w.WriteString("*3\r\n$3\r\nSET\r\n$20\r\n")
		c.w.Write(o.Key[:])
		c.w.WriteString("\r\n$100\r\n")
		c.w.Write(value)
	} else {
		c.w.WriteString("*2\r\n$3\r\nGET\r\n$20\r\n")
		c.w.Write(o.Key[:])
	}
	c.w.WriteString("\r\n")
}

// answer reads one answer and reports whether it is a miss.
func (c *respConn) answer() (miss bool, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	switch line[0] {
	case '+', ':':
		return false, nil
	case '$':
		size, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
		if err != nil || size < 0 {
			return err == nil, err
		}
		_, err = c.r.Discard(size + 2)
		return false, err
	}
	return false, fmt.Errorf("the gateway answered %q", line)
}

// exchange says requests together and returns those that missed.
func (c *respConn) exchange(wishes []wish) (missed []wish, err error) {
	for i := range wishes {
		c.ask(&wishes[i])
	}
	if err := c.w.Flush(); err != nil {
		return nil, err
	}
	for i := range wishes {
		miss, err := c.answer()
		if err != nil {
			return nil, err
		}
		if miss {
			missed = append(missed, wishes[i])
		}
	}
	return missed, nil
}

// respDriver asks in pipelines.
type respDriver struct {
	*respConn
	wisher *wisher
	wishes []wish // as many as go together
}

func dialDriver(addr, cache string, pipeline int, w *wisher) (driver, error) {
	c, err := dialRESP(addr, cache)
	if err != nil {
		return nil, err
	}
	return &respDriver{c, w, make([]wish, pipeline)}, nil
}

// Drive implements driver.
func (d *respDriver) Drive(done *atomic.Int64, stopped *atomic.Bool) error {
	for !stopped.Load() {
		for i := range d.wishes {
			d.wishes[i] = d.wisher.Next()
		}
		missed, err := d.exchange(d.wishes)
		if err != nil {
			return err
		}
		for _, o := range missed {
			if !o.Fresh {
				return fmt.Errorf("%s is missing", o.Key[:])
			}
			d.wisher.Missed(o.Key)
		}
		done.Add(int64(len(d.wishes)))
	}
	return nil
}
