package main

import (
	"bufio"
	"fmt"
	"net"

	"github.com/hearthcache/hearth/bench/address"
)

// bulkFill measures what it costs to store many new keys over one pipelined connection, in an empty server each time.
func bulkFill(binary string, keys, rounds int) error {
	fmt.Printf("\n| bulk fill of %d keys, 20 + 100 B, one connection | CPU µs per SET | of the peer's |\n|---|---|---|\n", keys)
	cpu := map[string][]float64{}
	names := []string{"redis-server", "hearth"}
	for range rounds {
		for _, name := range names {
			micros, err := fillFresh(name, binary, keys)
			if err != nil {
				return fmt.Errorf("filling %s: %w", name, err)
			}
			cpu[name] = append(cpu[name], micros/float64(keys))
		}
	}
	for _, name := range names {
		fmt.Printf("| %s | %.2f | %.2f |\n", name, median(cpu[name]), median(cpu[name])/median(cpu[names[0]]))
	}
	return nil
}

// fillFresh returns the processor time that a fill costs a server that was started for it, in microseconds.
func fillFresh(name, binary string, keys int) (micros float64, err error) {
	var s *server
	if name == "hearth" {
		var addr string
		if addr, err = address.Free(); err == nil {
			s, err = startHearth(binary, addr, "")
		}
	} else {
		s, err = startRedis(name)
	}
	if s != nil {
		defer s.stop()
	}
	if err != nil {
		return 0, err
	}
	before := s.cpu()
	if err := pour(s.addr, keys); err != nil {
		return 0, err
	}
	return s.cpu() - before, nil
}

// ahead is how many requests are under way at most.
const ahead = 2000

// pour writes keys as fast as the server takes them, and reads the answers beside.
func pour(addr string, keys int) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	room, done := make(chan struct{}, ahead), make(chan error, 1)
	go func() {
		r := bufio.NewReaderSize(nc, 64<<10)
		for range keys {
			if err := readReply(r); err != nil {
				done <- err
				nc.Close()
				return
			}
			<-room
		}
		done <- nil
	}()
	w := bufio.NewWriterSize(nc, 64<<10)
	for i := range keys {
		select {
		case room <- struct{}{}:
		default:
			if err := w.Flush(); err != nil {
				return err
			}
			select {
			case room <- struct{}{}:
			case err := <-done:
				return err
			}
		}
		respSet(w, i)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return <-done
}
