# make test    every test, with what it needs installed first
#              (the simulation, the busy day and the crowds once more without the race detector, which is ten times
#              faster; the play that presses every button of the demo only without it)
# make quick   gofmt, go vet and the tests of what decides about money, without the race detector: about a minute once
#              built (for between two changes; the whole is .ci/run)
# make check   formatting, go vet, golangci-lint (.golangci.yml), and deadcode: no function may be unused. The first run
#              builds both from .ci/tools/go.mod, which takes minutes; Go keeps them in its build cache
# make bench   every benchmark (TESTFLAGS='-benchtime 1x -short' PAIRS=1: each once, with ledgers of a tenth of the
#              size), and the bursts PAIRS times (10) beside a bare slack-go loop and an app on Bolt
# make bench-scale
#              how times and memory grow with the ledger, as a table (docs/performance.md): with ORDERS orders
#              (1000 10000 100000 1000000), RUNS times (5), and with BASE=PATH an older bot beside this build
# make bench-hour
#              an hour (LOAD=60m) of steady load on the built bot: memory, goroutines, files and times, by quarters
# make soak    the simulation with SEEDS seeds (100000), from seed FROM (1)
# make mutants the program without each of its safeguards, one at a time: every one must make a test fail
# make kill    kill the real bot at every step of every scenario, each time that it comes there (half an hour)
# make build   the static binary, bin/bot
# make demo    the bot with a simulated Slack and CoCalc, in the browser

GO        ?= go
TOOL      := $(GO) tool -modfile=.ci/tools/go.mod
TESTFLAGS ?=
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION  ?= $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null)
BOLT      := slacksim/testdata/bolt
FORMATTED := files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted by gofmt:"; echo "$$files"; exit 1; fi

SEEDS     ?= 100000
FROM      ?= 1
PAIRS     ?= 10
LOAD      ?= 60m
ORDERS    ?= 1000 10000 100000 1000000
RUNS      ?= 5
BASE      ?=

.PHONY: test quick check bench bench-scale bench-hour soak mutants kill build demo chromium accounting shells
.DEFAULT_GOAL := build

# Go starts packages in this sequence, as many at a time as there are processors: those that mostly wait beside those
# that compute.
FIRST := ./cmd/bot ./purchase/checkout ./purchase/reconcile ./bot ./storage ./internal/largeledger/firstschema \
         ./cmd/demo ./purchase/desk

# A program with the race detector would wait a second at its end, which the tests start hundreds of times. Most tests
# keep little memory and allocate much.
test: export GORACE ?= atexit_sleep_ms=0
test: export GOGC ?= 400
test: chromium accounting shells $(BOLT)/node_modules/.package-lock.json
	$(GO) test -race -timeout 18m -skip '^TestDemo_Browser$$/^buttons$$' $(TESTFLAGS) $(FIRST) ./...
	$(GO) test -timeout 18m $(TESTFLAGS) -run '^TestDemo_Browser$$/^buttons$$' ./cmd/demo
	$(GO) test $(TESTFLAGS) ./internal/simulation ./internal/daytest
	$(GO) test $(TESTFLAGS) -run '^Test(Conversation|Publisher)_Crowd' ./bot

# The grammar, prices and client, orders and policy, Slack's cards and clicks, the ledger's contract, the settings and
# the wiring, and the rules of the layout. It leaves out the race detector, browsers, whole processes, journals, the
# simulation, kills and damaged files.
QUICK := ./commands ./cocalc ./purchase/... ./bot ./bot/socket ./storage/storagetest ./internal/app ./internal/config \
         ./internal/control ./internal/layout ./internal/mutants

quick:
	@$(FORMATTED)
	$(GO) vet ./...
	$(GO) test -parallel 8 -skip '^Test(Conversation_Crowd|Publisher_Crowd|Card_HostileWords)' $(TESTFLAGS) $(QUICK)

check:
	@$(FORMATTED)
	$(GO) vet ./...
	$(TOOL) golangci-lint run ./...
	cd .ci/tools && $(GO) tool golangci-lint run -c ../../.golangci.yml ./...
	@echo $(TOOL) deadcode -test ./...; unused=$$($(TOOL) deadcode -test ./...) || exit 1; \
	if [ -n "$$unused" ]; then echo "functions that nothing calls:"; echo "$$unused"; exit 1; fi

bench: $(BOLT)/node_modules/.package-lock.json
	$(GO) test -run '^$$' -bench . -skip '^BenchmarkRun_Burst$$' -benchmem $(TESTFLAGS) \
		$$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -n 1 dirname | sort -u)
	$(GO) test -run '^$$' -bench '^BenchmarkRun_Burst$$' $(TESTFLAGS) -benchtime $(PAIRS)x ./cmd/bot

bench-scale:
	$(GO) run ./internal/benchscale -orders "$(ORDERS)" -runs $(RUNS) -base "$(BASE)"

bench-hour:
	$(GO) run ./internal/benchscale -load $(LOAD)

soak:
	cd internal/simulation && $(GO) test -count=1 -timeout 0 -run '^TestSimulation_Seeds$$' \
		-seeds=$(SEEDS) -from=$(FROM) $(TESTFLAGS)

mutants:
	$(GO) run ./internal/mutants

kill:
	cd internal/killtest && $(GO) test -count=1 -timeout 0 -full $(TESTFLAGS)

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/bot \
		-ldflags '-s -w -X main.version=$(VERSION) -X main.revision=$(REVISION)' ./cmd/bot

demo:
	$(GO) run ./cmd/demo

# The tests of the demo's pages run in a real browser. Its names are those that the tests look for.
chromium:
	@for name in headless_shell headless-shell chromium chromium-browser google-chrome google-chrome-stable; do \
	    if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if [ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Chromium.app" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	    echo "The tests need Chromium or Chrome; please install it."; exit 1; \
	fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	set -x; \
	$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq -y --no-install-recommends chromium

# The journals for bookkeeping are read by the programs that they are for.
accounting:
	@if command -v hledger && command -v ledger && command -v bean-check && command -v bean-query; then exit 0; \
	fi >/dev/null; \
	if ! command -v apt-get >/dev/null; then \
	    echo "The tests need hledger, ledger and beancount; please install them."; exit 1; \
	fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	set -x; \
	$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq -y --no-install-recommends hledger ledger beancount

# The completion of commands is tried in the shells that it is for.
shells:
	@if command -v bash && command -v zsh && command -v fish; then exit 0; fi >/dev/null; \
	if ! command -v apt-get >/dev/null; then \
	    echo "The tests need bash, zsh and fish; please install them."; exit 1; \
	fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	set -x; \
	$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq -y --no-install-recommends bash zsh fish

# npm writes this file last, so it is older than the lock file exactly when the modules are not those of the lock file.
$(BOLT)/node_modules/.package-lock.json: $(BOLT)/package-lock.json
	cd $(BOLT) && npm ci --no-audit --no-fund
	touch $@
