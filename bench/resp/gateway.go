package main

import (
	"fmt"
	"time"

	"github.com/hearthcache/hearth/bench/address"
)

// The loads on a gateway's hot keys: so few that a server has all of them in its processor's caches, and more.
const (
	hotKeys     = 200
	hotKeysMany = 5000

	hotLead = 2 * time.Second // until a gateway has found out which keys are hot
)

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
	for _, s := range []*server{direct, plain, near} {
		if err := fillOne(s, b.keys, respSet, 0, nil); err != nil {
			return fmt.Errorf("filling %s: %w", s.name, err)
		}
	}
	fmt.Println("| load | server | CPU µs/op | of the server's alone | ops/s |")
	fmt.Println("|---|---|---|---|---|")
	for _, r := range b.gatewayRows([]*server{direct, plain}, []*server{direct, near}) {
		if !b.only.MatchString(r.name) {
			continue
		}
		if err := b.measure(r); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// gatewayRows are the loads on a server alone and on a gateway that keeps nothing near, and on one that keeps what is hot.
// Calls over gRPC, a hundred under way on one connection, stand beside two loads that a client without a gateway may be: as
// many requests under way on one connection, and connections with one request each.
func (b *bench) gatewayRows(both, hot []*server) (rows []row) {
	for _, of := range []struct {
		name string
		keys int
		on   []*server
		lead time.Duration
	}{
		{"GET 100 B", b.keys, both, 0},
		{fmt.Sprintf("GET of %d hot keys", hotKeys), hotKeys, hot, hotLead},
		{fmt.Sprintf("GET of %d hot keys", hotKeysMany), hotKeysMany, hot, hotLead},
	} {
		asked := func(conns, pipeline, streams int) load {
			return load{conns: conns, pipeline: pipeline, streams: streams, write: respGet, keys: of.keys, lead: of.lead}
		}
		one, sixteen, hundred, calls := asked(50, 1, 0), asked(50, 16, 0), asked(1, 100, 0), asked(1, 0, 100)
		rows = append(rows,
			row{of.name + ", 50 connections", one, of.on, one},
			row{of.name + ", 50 connections, pipeline 16", sixteen, of.on, sixteen},
			row{of.name + ", 1 connection, pipeline 100", hundred, of.on, hundred},
			row{of.name + ", gRPC 1 × 100, alone 1 connection, pipeline 100", calls, of.on, hundred},
			row{of.name + ", gRPC 1 × 100, alone 50 connections", calls, of.on, one},
		)
	}
	for _, pipeline := range []int{1, 16} {
		set := load{conns: 50, pipeline: pipeline, write: respSet, keys: b.keys}
		rows = append(rows, row{fmt.Sprintf("SET 100 B, 50 connections, pipeline %d", pipeline), set, both, set})
	}
	return rows
}

// startGateway starts a gateway with a server of its own behind it.
func startGateway(name, binary, near string) (*server, error) {
	behind, err := startRedis("server alone")
	if err != nil {
		return nil, err
	}
	var ports [2]string
	for i := range ports {
		if ports[i], err = address.Free(); err != nil {
			return nil, err
		}
	}
	s, err := startServer(name, ports[0], binary, "serve", "--engine", "valkey", "--valkey-addrs", behind.addr, "--near-memory", near,
		"--listen", ports[1], "--resp", ports[0], "--memcache", "off", "--admin", "off")
	if s != nil {
		s.behind, s.grpc = behind, ports[1]
	}
	return s, err
}
