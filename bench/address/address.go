// Package address finds addresses for the servers that are measured.
package address

import "net"

// Free returns an address of loopback whose port nobody has. Another process may take it before the server does.
func Free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
