# Everything here needs only Go and make, but `race`, which needs a C compiler.
# GOFLAGS and the other Go variables of the environment are honoured.

.DEFAULT_GOAL := help
.PHONY: help build gate test race lint fmt test-real fuzz bench bench-limits bench-peers nightly mutate proof clean

export CGO_ENABLED := 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 10s
FUZZ ?= ./...
TOOL := go tool -modfile=tools.mod

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/firstbyte, static and without paths of this machine
	go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/firstbyte .

gate: build ## the main job, offline; ARGS="--inject gap=+30%" to see it say no
	bin/firstbyte gate $(ARGS)

test: ## every test that needs only Go
	go test -shuffle=on ./...

race: ## the same tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -shuffle=on ./...

lint: ## format, vet, modernise, staticcheck, dead code, workflows
	sh ci/lint.sh

fmt: ## rewrite every Go file as lint wants it
	$(TOOL) gofumpt -w . && go fix ./...

test-real: ## chaos in full; Claude Code, the official clients, a real Prometheus and PostgreSQL, shards in networks of their own, the control panel in Chromium, npm's hdr-histogram-js, Ollama (nested module ci/e2e)
	cd ci/e2e && go test -shuffle=on -timeout 25m ./...
	go test -v -run 'TestChaos$$' . -chaos -timeout 15m

fuzz: ## every fuzz target of FUZZ=./... for FUZZTIME=10s, or for "SECONDS in all"
	sh ci/fuzz.sh "$(FUZZTIME)" $(FUZZ)

bench: ## every benchmark once, so that they stay runnable
	go test -run '^$$' -bench . -benchtime 1x ./...

bench-limits: build ## what bench can measure on this machine, into docs/measuring.md (Linux, idle, 20 minutes)
	go test -v -run TestLimits . -limits -update -timeout 90m

bench-peers: build ## vegeta, k6 and h2load beside bench, against one server of known truth (docs/measuring.md)
	go test -v -run 'TestPeers$$' . -peers -timeout 60m

proof: build ## how often the judge errs: by simulation (docs/proof.md), and on a fresh run of identical arms
	bash ci/proof.sh

mutate: ## break every rule in turn and see that a test notices
	go test -v -run TestMutations . -mutate -timeout 120m

nightly: race bench proof mutate ## the long run: proof, mutations, fuzzing, many gates and refusals
	sh ci/fuzz.sh 60s
	bash ci/nightly.sh

clean: ## remove what was built and what was reported
	rm -rf bin out
