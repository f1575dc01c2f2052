#!/usr/bin/env bash
# Measures hearth beside its peers, each area by its own program; prints tables for docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")"
go run ./engine "$@"
go run ./grpc
go run ./resp
