package main

import (
	"fmt"
)

// The load on a gateway's hot keys: few, so that each is read often.
const hotKeys = 200

// gateways measures what a gateway before a server costs: the processor time of both together, beside that of a server
// that clients talk to directly. The first gateway keeps nothing near, the second one what is read often.
func (b *bench) gateways(binary string) error {
	direct, err := startRedis("server alone")
	if err != nil {
		return err
	}
	defer direct.stop()
	plain, err := startGateway("gateway and server", binary, "0")
	if err != nil {
		return err
	}
	defer plain.stop()
	near, err := startGateway("gateway and server, near", binary, "64MiB")
	if err != nil {
		return err
	}
	defer near.stop()
	both, hot := []*server{direct, plain}, []*server{direct, near}
	for _, s := range []*server{direct, plain, near} {
		if err := fillOne(s, b.keys, respSet, 0, nil); err != nil {
			return fmt.Errorf("filling %s: %w", s.name, err)
		}
	}
	fmt.Println("| load | server | CPU µs/op | of the server's alone | ops/s |")
	fmt.Println("|---|---|---|---|---|")
	for _, r := range []row{
		{"GET 100 B, 50 connections", load{conns: 50, pipeline: 1, write: respGet, keys: b.keys}, both},
		{"GET 100 B, 50 connections, pipeline 16", load{conns: 50, pipeline: 16, write: respGet, keys: b.keys}, both},
		{"SET 100 B, 50 connections", load{conns: 50, pipeline: 1, write: respSet, keys: b.keys}, both},
		{"SET 100 B, 50 connections, pipeline 16", load{conns: 50, pipeline: 16, write: respSet, keys: b.keys}, both},
		{"GET of hot keys, 50 connections", load{conns: 50, pipeline: 1, write: respGet, keys: hotKeys}, hot},
		{"GET of hot keys, 50 connections, pipeline 16", load{conns: 50, pipeline: 16, write: respGet, keys: hotKeys}, hot},
	} {
		if err := b.measure(r); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// startGateway starts a gateway with a server of its own behind it.
func startGateway(name, binary, near string) (*server, error) {
	behind, err := startRedis("server alone")
	if err != nil {
		return nil, err
	}
	var ports [2]string
	for i := range ports {
		if ports[i], err = freeAddress(); err != nil {
			return nil, err
		}
	}
	s, err := startServer(name, ports[0], binary, "serve", "--engine", "valkey", "--valkey-addrs", behind.addr, "--near-memory", near,
		"--listen", ports[1], "--resp", ports[0], "--memcache", "off", "--admin", "off")
	if s != nil {
		s.behind = behind
	}
	return s, err
}
