# Everything a person does with this checkout. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help native build release test histories fuzz lint format generate check-generated demo bench bench-rpc bench-store bench-consent bench-vault up down status logs clean

CONFIGURATION ?= release
SECONDS ?= 60
COUNT ?= 10000
FROM ?= 1
BIN = .build/$(CONFIGURATION)
SOURCES = Package.swift $(wildcard Services Shared Tests Tools Benchmarks)

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

native: ## Install the native libraries that are missing (Debian, needs root)
	@Tools/install-native.sh

build: native ## Build everything for debugging
	swift build

release: native ## Build the programs with optimisation
	swift build -c release

test: native ## Build and run all tests
	Tools/test.sh

histories: native ## Look for a history in which a withdrawal does not hold: COUNT=1000000 FROM=1
	swift run -c release consent-histories --count $(COUNT) --from $(FROM)

fuzz: native ## Feed every decoder with libFuzzer's inputs: SECONDS=60 for each
	SECONDS_EACH=$(SECONDS) Tests/Fuzz/run.sh

lint: ## Check the format and that generated code is fresh
	swift format lint --strict --recursive --parallel $(SOURCES)
	$(MAKE) check-generated

format: ## Format the sources in place
	swift format --in-place --recursive --parallel $(SOURCES)

generate: ## Generate code from Protos/ (installs the .proto compilers where missing)
	Tools/generate.sh

check-generated: ## Fail when the committed generated code is stale
	Tools/generate.sh --check

demo: release ## The whole product on real data: DATA=directory picks the data set
	$(BIN)/tacit demo $(if $(DATA),--data $(DATA))

bench: release ## Measure; writes var/bench/*.json
	Benchmarks/run.sh

bench-rpc: native ## Measure the RPC beside its peers: ARGUMENTS='--rounds 3 --strict'
	Benchmarks/rpc.sh $(ARGUMENTS)

bench-store: native ## Measure the sealed store beside its peers: ARGUMENTS='--kill-points 50'
	Benchmarks/store.sh $(ARGUMENTS)

bench-consent: native ## Measure consent beside PostgreSQL: ARGUMENTS='--only checks --histories 10000'
	Benchmarks/consent.sh $(ARGUMENTS)

bench-vault: native ## Measure the identity vault beside OpenSSL: ARGUMENTS='--people 1000000'
	Benchmarks/vault.sh $(ARGUMENTS)

up: release ## Start the local stack of docker-compose.yml as plain processes
	$(BIN)/tacit up

down: ## Stop the local stack
	$(BIN)/tacit down

status: ## Show how the local stack is
	$(BIN)/tacit status

logs: ## Show the last lines of every service's log
	$(BIN)/tacit logs

clean: ## Remove build output and the local stack's state
	rm -rf .build var
