package fleet

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// MoveSlots moves hash slots and their items from one primary to another while both serve, as redis-cli does it.
func (c *Cluster) MoveSlots(from, to *Server, first, last int) error {
	fromID, err := from.Command("CLUSTER", "MYID")
	if err != nil {
		return err
	}
	toID, err := to.Command("CLUSTER", "MYID")
	if err != nil {
		return err
	}
	for slot := first; slot <= last; slot++ {
		if err := c.moveSlot(from, to, fromID, toID, strconv.Itoa(slot)); err != nil {
			return fmt.Errorf("slot %d: %w", slot, err)
		}
	}
	return nil
}

func (c *Cluster) moveSlot(from, to *Server, fromID, toID, slot string) error {
	if _, err := to.Command("CLUSTER", "SETSLOT", slot, "IMPORTING", fromID); err != nil {
		return err
	}
	if _, err := from.Command("CLUSTER", "SETSLOT", slot, "MIGRATING", toID); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(to.Addr)
	for {
		keys, err := from.list("CLUSTER", "GETKEYSINSLOT", slot, "100")
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			break
		}
		args := append([]string{"MIGRATE", host, port, "", "0", "5000", "KEYS"}, keys...)
		if _, err := from.Command(args...); err != nil && !strings.HasPrefix(err.Error(), "NOKEY") {
			return err
		}
	}
	// The new owner first: for a moment both would serve it, and none of them not.
	if _, err := to.Command("CLUSTER", "SETSLOT", slot, "NODE", toID); err != nil {
		return err
	}
	_, err := from.Command("CLUSTER", "SETSLOT", slot, "NODE", toID)
	return err
}
