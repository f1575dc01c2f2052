package door

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// errAgain says that the socket has nothing, or takes nothing, for now.
var errAgain = errors.New("not now")

// A call that moves less than this is over within a turn of other requests (turnMicros), so the scheduler need not hear of
// it: that costs more than it gives, a twentieth of an answer of 1 MiB.
const briefBytes = 2 << 20

// own takes the descriptor of nc for a loop of ours: the copy leaves the runtime's poller.
func own(nc net.Conn) (fd int, err error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0, errors.New("this kind of connection has no descriptor")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var errno syscall.Errno
	var r uintptr
	if err := raw.Control(func(old uintptr) {
		r, _, errno = syscall.Syscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return 0, err
	}
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// disown gives the socket back to the runtime's poller.
func (c *Conn) disown() (net.Conn, error) {
	f := os.NewFile(uintptr(c.fd), "")
	defer f.Close()
	return net.FileConn(f)
}

// readSocket and writeBytes ask the socket itself: read and write pass through the file system's layer first.
func (c *Conn) readSocket(p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0, 0, 0)
		switch {
		case errno == 0 && n == 0:
			return 0, io.EOF
		case errno == 0:
			// Less than was asked for is all there is, but for an end that was announced; the loop hears of the next byte.
			c.readable = int(n) == len(p) || c.hup
			return int(n), nil
		case errno == syscall.EAGAIN:
			return 0, errAgain
		case errno != syscall.EINTR:
			return 0, errno
		}
	}
}

// writeSocket writes w as far as the socket takes it, and returns how much that was. Less than all means that the socket
// refused the rest, and epoll will say when it takes more.
func (c *Conn) writeSocket(w *Writer) (taken int, err error) {
	if len(w.refs) == 0 {
		return c.writeBytes(w.B)
	}
	var v vector
	full := false
	send := func() {
		n := 0
		n, err = c.writeVector(&v)
		taken += n
		full = n < v.size || err != nil
		v.count, v.size = 0, 0
	}
	w.segments(func(p []byte, _ Releaser) {
		if !full && !v.add(p) {
			if send(); !full {
				v.add(p)
			}
		}
	})
	if !full {
		send()
	}
	return taken, err
}

// vector is what one writev takes.
type vector struct {
	parts [64]syscall.Iovec
	count int
	size  int
}

// add takes p in, unless there is no place left.
func (v *vector) add(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	if v.count == len(v.parts) {
		return false
	}
	v.parts[v.count].Base = &p[0]
	v.parts[v.count].SetLen(len(p))
	v.count++
	v.size += len(p)
	return true
}

func (c *Conn) writeVector(v *vector) (int, error) {
	if v.count == 0 {
		return 0, nil
	}
	return c.write(syscall.SYS_WRITEV, unsafe.Pointer(&v.parts[0]), v.count, v.size)
}

// writeQueue writes what is queued, as much as fits one call.
func (c *Conn) writeQueue() (int, error) {
	var v vector
	for _, s := range c.queue {
		if !v.add(s.p) {
			break
		}
	}
	return c.writeVector(&v)
}

func (c *Conn) writeBytes(p []byte) (int, error) {
	return c.write(syscall.SYS_SENDTO, unsafe.Pointer(unsafe.SliceData(p)), len(p), len(p))
}

// write returns 0 and no error where the socket takes nothing for now. The flags are of sendto; writev has none.
func (c *Conn) write(call uintptr, p unsafe.Pointer, count, size int) (int, error) {
	for {
		var n uintptr
		var errno syscall.Errno
		if size <= briefBytes {
			n, _, errno = syscall.RawSyscall6(call, uintptr(c.fd), uintptr(p), uintptr(count), syscall.MSG_NOSIGNAL, 0, 0)
		} else {
			n, _, errno = syscall.Syscall6(call, uintptr(c.fd), uintptr(p), uintptr(count), syscall.MSG_NOSIGNAL, 0, 0)
		}
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EAGAIN:
			return 0, nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

func (c *Conn) shutdownSocket() { _ = syscall.Shutdown(c.fd, syscall.SHUT_WR) }

func (c *Conn) closeSocket() { _ = syscall.Close(c.fd) }

// temporary reports whether an error of Accept is about this machine's present state.
func temporary(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
