# Targets describe themselves: `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run build deps test bench lint gen soak fuzz demo

# Nothing of a build that a Git hook or a parent checkout may have set leaks in.
export GOFLAGS = -buildvcs=auto

help: ## show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 10

build: ## build bin/hearth, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/hearth ./cmd/hearth

run: build ## build and serve on this machine; caches may load from this machine too
	bin/hearth serve --origin-allow 127.0.0.0/8

demo: build ## read-aside over a slow source with the published Node.js SDK
	examples/readaside/run.sh

deps: ## install what the tests drive (Debian, npm and PyPI packages, Go programs)
	test/setup.sh

test: build deps ## install what the tests drive, and run every test
	test/run.sh

soak: build deps ## long runs: ten minutes at full memory, twenty rounds of failover
	HEARTH_SOAK=1 go test -timeout 60m -run Soak -v ./...

fuzz: ## fuzz every parser of what others send, FUZZ_TIME (60s) each; FUZZ=Door: those of that name
	test/fuzz.sh

bench: build ## measure against peers in the same run (HEARTH_BENCH=short: a few minutes); results go to docs/benchmarks.md by hand
	bench/run.sh

lint: ## check form
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "gofmt -w the files above"; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	cd bench && go vet ./... && go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

gen: ## regenerate pb/ from proto/, with the versions pinned in proto/gen/go.mod
	cd proto/gen && go run .
