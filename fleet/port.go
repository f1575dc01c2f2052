package fleet

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
)

// Servers take ports from firstPort up; their cluster's bus is busAbove higher, as they choose it. Both lie below the
// ports that a system gives to outgoing connections, so that none of those takes the port of a server that is down.
const (
	firstPort = 12000
	ports     = 10000
	busAbove  = 10000
)

// reserve returns a port that is free, as is that of its bus, and which no other process gets from here while it is held:
// the holder has the UDP port of the same number, which no server uses.
func reserve() (port int, held io.Closer, err error) {
	for range 1000 {
		port = firstPort + rand.IntN(ports)
		held, err := net.ListenPacket("udp", loopback(port))
		if err != nil {
			continue
		}
		if free(port) && free(port+busAbove) {
			return port, held, nil
		}
		_ = held.Close()
	}
	return 0, nil, errors.New("no port of loopback is free for a server")
}

func free(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
