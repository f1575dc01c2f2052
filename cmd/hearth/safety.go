package main

import (
	"errors"
	"fmt"
)

// anyone reports whether callers without a credential may do everything: on loopback, unless credentials were asked
// for; elsewhere only where the operator has named the danger.
func (o *serveOptions) anyone() bool {
	return o.NoAuth || (o.local() && !o.Auth)
}

// local reports whether every port is reached from this machine only.
func (o *serveOptions) local() bool {
	for _, l := range []struct{ given, byDefault string }{
		{o.Listen, defaultListen}, {o.RESP, defaultRESP}, {o.Memcache, defaultMemcache}, {o.Admin, defaultAdmin},
	} {
		if addr, _, open := address(l.given, l.byDefault); open && !loopback(addr) {
			return false
		}
	}
	return true
}

// check refuses combinations that would be unsafe or would lose what was acknowledged.
func (o *serveOptions) check() error {
	admin, _, adminOpen := address(o.Admin, defaultAdmin)
	switch {
	case o.DevFaults && !o.local():
		return errors.New("--dev-faults lets any client break the server: it works on loopback addresses only")
	case o.NoAuth && o.Auth:
		return errors.New("--auth and --danger-no-auth contradict each other")
	case !o.local() && o.Data == "" && !o.Ephemeral && o.Engine != "valkey":
		return errors.New("on an address other than loopback keys and settings have to outlive the process: give --data DIR, or --ephemeral if they need not")
	case o.Data != "" && o.Ephemeral:
		return errors.New("--data and --ephemeral contradict each other")
	case adminOpen && !loopback(admin):
		return fmt.Errorf("--admin %s: metrics and profiles have no credentials of their own, so this port is for loopback addresses", admin)
	}
	return o.checkEngine()
}
