# Targets describe themselves: `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run build deps test bench lint gen soak demo

help: ## show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 10

build: ## build bin/hearth, static
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/hearth ./cmd/hearth

run: build ## build and serve on this machine: one command, nothing to configure
	bin/hearth serve

deps: ## install what the tests need (Debian packages, npm and PyPI packages)
	test/setup.sh

test: build deps ## run every test
	test/run.sh

gen: ## regenerate pb from proto, with the versions pinned in proto/gen/go.mod
	cd proto/gen && go run .
