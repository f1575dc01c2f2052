#!/usr/bin/env bash
# Measures hearth beside its peers, each area by its own program; prints tables for docs/benchmarks.md.
#
#	bench/run.sh [PART ...]              all parts, or those named: engine grpc resp gateway fleet topics neighbour
#	bench/run.sh chart                   draws docs/benchmarks.svg from the tables in docs/benchmarks.md
#	HEARTH_BENCH=short bench/run.sh      a few minutes in all: shows that everything runs, and the order of magnitude
#
# It measures bin/hearth (`make build`). Peers that are not installed are left out where a part can do without.
set -euo pipefail
cd "$(dirname "$0")"

engine=() grpc=() resp=() fleet=() topics=() neighbour=()
case ${HEARTH_BENCH:-full} in
short)
	engine=(-run speed,small -items 300000 -rounds 1 -seconds 0.3)
	grpc=(-rounds 1 -seconds 1)
	resp=(-rounds 1 -seconds 1 -keys 100000)
	fleet=(-rounds 1 -seconds 0.3 -keys 20000 -run RESP)
	topics=(-rounds 1 -secs 0.3)
	neighbour=(-pairs 2 -block 1s)
	;;
full) ;;
*)
	echo "HEARTH_BENCH is $HEARTH_BENCH; it can be short or full" >&2
	exit 2
	;;
esac

part() {
	echo "== $1"
	case $1 in
	engine) go run ./engine "${engine[@]}" ;;
	grpc) go run ./grpc "${grpc[@]}" ;;
	resp) go run ./resp "${resp[@]}" ;;
	gateway) go run ./resp -gateway "${resp[@]}" ;;
	fleet) go run ./fleet "${fleet[@]}" ;;
	topics) # by itself: it starts itself as a server; NATS is a tool of this module, with its version in go.mod
		go build -o ../.cache/bin/bench-topics ./topics
		go build -o ../.cache/bin/nats-server github.com/nats-io/nats-server/v2
		PATH=$PWD/../.cache/bin:$PATH ../.cache/bin/bench-topics "${topics[@]}"
		;;
	neighbour) # a few seconds are too few to judge by: the short form only shows the figures
		go run ./neighbour -hearth ../bin/hearth "${neighbour[@]}" || [[ ${HEARTH_BENCH:-} == short ]]
		;;
	chart) go run ./bars ../docs/benchmarks.md ../docs/benchmarks.svg ;;
	*)
		echo "there is no part $1; there are engine, grpc, resp, gateway, fleet, topics, neighbour and chart" >&2
		exit 2
		;;
	esac
}

if (($# == 0)); then
	set -- engine grpc resp gateway fleet topics neighbour
fi
for name in "$@"; do
	part "$name"
done
