# make run    set up, build, start the server, take a sample in, print the player's URL
# make test   everything: lint, unit tests, race detector, real servers, browser
# The other targets are steps of these two; each can be called alone. See README.md.

SHELL      := /bin/bash
GO         ?= go
BIN        := bin/sluice
WEB        := api/console/web
TOOLS      := $(CURDIR)/bin/tools
GOLANGCI   := $(TOOLS)/golangci-lint
GOLANGCI_VERSION := v2.12.0
FUZZTIME   ?= 30s
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X sluice/internal/version.Version=$(VERSION)
# Packages that never touch libav: these run under the race detector.
PURE_GO     = $(shell $(GO) list ./... | grep -v -e '^sluice/codec/av' -e '^sluice/cmd/' -e '^sluice/e2e')
NATIVE_GO   = $(shell $(GO) list ./... | grep -e '^sluice/codec/av' -e '^sluice/cmd/')

.DEFAULT_GOAL := build
.PHONY: setup build web run test unit race native browser lint fuzz bench clean dist help

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## install the Debian and npm packages that are missing
	@bash deploy/setup.sh

web: $(WEB)/node_modules/.package-lock.json ## build the console
	@if [ ! -f api/console/dist/index.html ] || [ -n "$$(find $(WEB)/src $(WEB)/index.html $(WEB)/package-lock.json -newer api/console/dist/index.html -print -quit)" ]; then \
		echo 'building the console'; cd $(WEB) && npm run --silent build -- --logLevel warn; fi

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund

# The program itself is free of cgo and starts without loading libav; it carries the engine that does and runs it in cages.
build: setup web ## build bin/sluice
	@echo 'building $(BIN) (the first time takes some minutes)'
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o cmd/sluice/engine.bin ./cmd/sluice-engine
	@CGO_ENABLED=0 $(GO) build -trimpath -tags engine -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/sluice

run: build ## start everything and play a clip: make run [FILE=clip.mp4]
	@FILE='$(FILE)' bash deploy/run.sh

test: build lint unit race native browser ## everything a change must pass
	@echo 'make test: all passed'

unit: ## console logic
	cd $(WEB) && npm run lint && npm test

# SQLite is C turned into Go: the detector, which would make it several times slower, is for what calls it. Only a package that
# instantiates nothing generic can do without it: the linker may use its instance for all others.
race: ## pure-Go packages under the race detector
	$(GO) test -race -gcflags='modernc.org/sqlite/lib=-race=false -d=checkptr=0' -timeout 25m $(PURE_GO)

native: ## packages over libav, and the whole system with its real processes
	$(GO) test -timeout 30m $(NATIVE_GO)
	$(GO) build -trimpath -o cmd/sluice/engine.bin ./cmd/sluice-engine
	CGO_ENABLED=0 $(GO) test -tags engine -run EmbeddedEngine ./cmd/sluice

browser: ## real players in headless Chromium against the real server
	bash deploy/browser-test.sh

# The linter's cache is this checkout's own: a shared one holds findings at the paths of other checkouts of the same text.
lint: $(GOLANGCI) ## static checks
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'not formatted:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	GOLANGCI_LINT_CACHE=$(TOOLS)/lint-cache $(GOLANGCI) run ./...

$(GOLANGCI):
	@mkdir -p $(TOOLS)
	@echo 'building golangci-lint $(GOLANGCI_VERSION) (once)'
	@cd /tmp && GOBIN=$(TOOLS) GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

# An input that reaches new code is shrunk for a minute by default, which leaves no time for the next one.
fuzz: ## every fuzz test for FUZZTIME each: make fuzz [FUZZTIME=1m]
	@set -e; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' $$file); do \
			echo "$$(dirname $$file) $$name"; \
			$(GO) test $$(dirname $$file) -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 50x; \
		done; \
	done

bench: build ## measure against the peers and rewrite docs/benchmarks.md
	$(BIN) bench --markdown docs/benchmarks.md

# The server runs on Linux; elsewhere the same command sends files to one. Only this machine's own binary has the engine in it.
DIST = linux/amd64 linux/arm64 darwin/arm64 darwin/amd64 windows/amd64

dist: build ## static binaries for other systems, in dist/
	@rm -rf dist && mkdir dist
	@set -e; for target in $(DIST); do \
		os=$${target%/*}; arch=$${target#*/}; out=dist/sluice-$$os-$$arch; \
		if [ $$os = windows ]; then out=$$out.exe; fi; \
		if [ $$target = "$$($(GO) env GOOS)/$$($(GO) env GOARCH)" ]; then cp $(BIN) $$out; \
		else CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $$out ./cmd/sluice; fi; \
		echo $$out; \
	done
	@cd dist && sha256sum sluice-* > SHA256SUMS

clean: ## remove what was built; data/ stays
	rm -rf bin cmd/sluice/engine.bin dist test-output api/console/dist/assets api/console/dist/index.html
