# The one door, for people and for CI. `make` alone lists what there is.

CARGO       ?= cargo
PREFIX      ?= /usr/local
CONFORMANCE ?= ../shared/conformance
# The Caddy that `make compare` asks.
CADDY       ?= $(HOME)/go/bin/caddy
# What `make run` serves.
SITE        ?= examples/fan-out

.DEFAULT_GOAL := help
.PHONY: help setup build run test lint conformance conformance-update bench soak \
        compare profile-cpu profile-mem install clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the Debian packages that are missing
	@packaging/debian.sh build

build: setup ## build pogo and pogo-php, optimised
	$(CARGO) build --locked --release --workspace --bins

run: build ## serve examples/fan-out on http://localhost:8080 (SITE=DIR for another)
	cd $(SITE) && exec $(CURDIR)/target/release/pogo run

test: setup ## run every test
	$(CARGO) build --locked --workspace --bins
	$(CARGO) test --locked --workspace

lint: setup ## check the format and the lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

conformance: setup ## play the recorded cases of CONFORMANCE=DIR against the binary
	$(CARGO) build --locked --workspace --bins --features test-modules
	tests/conformance/run.py --cases $(CONFORMANCE) --bin target/debug/pogo

conformance-update: setup ## the same, then add what passes now to the list of passing cases
	$(CARGO) build --locked --workspace --bins --features test-modules
	tests/conformance/run.py --cases $(CONFORMANCE) --bin target/debug/pogo --update

compare: ## whether Caddy adapts 2,000 Caddyfiles and answers requests alike (CADDY=PATH, CONFORMANCE=DIR)
	$(CARGO) build --locked --bin pogo
	benches/compare.py --bin target/debug/pogo --caddy $(CADDY) --count 2000
	benches/behave.py --bin target/debug/pogo --caddy $(CADDY) --cases $(CONFORMANCE)

bench: build ## measure beside nginx and php-fpm, and adapt beside Caddy, in one run
	@packaging/debian.sh bench
	benches/run.py --bin target/release/pogo
	benches/web.py --bin target/release/pogo --caddy $(CADDY)
	benches/adapt.py --bin target/release/pogo --caddy $(CADDY)

soak: build ## whether memory grows over 100,000 requests
	@packaging/debian.sh bench
	benches/soak.py --bin target/release/pogo

profile-cpu: ## a flame graph of the server and a worker under the bench's load
	@packaging/debian.sh build bench profile
	$(CARGO) build --locked --profile profiling --workspace --bins
	benches/profile.py cpu --bin target/profiling/pogo --out target/profile

profile-mem: ## what the server and a worker allocate under the bench's load
	@packaging/debian.sh build bench profile
	$(CARGO) build --locked --profile profiling --workspace --bins
	benches/profile.py mem --bin target/profiling/pogo --out target/profile

install: build ## install pogo and pogo-php under PREFIX (DESTDIR for packagers)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 target/release/pogo target/release/pogo-php $(DESTDIR)$(PREFIX)/bin/

clean: ## remove what was built
	$(CARGO) clean
