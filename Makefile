# What people and CI run. Each target installs what it needs (see scripts/need).
SHELL := /bin/bash
.DELETE_ON_ERROR:

# Where cargo puts things, also when CARGO_TARGET_DIR is set.
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help try test lint unit e2e docs site web release image cross bench soak fuzz clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

try: ## run both workflows of the README on a sandbox API server
	@docs/scripts/need cargo kubectl openssl
	@echo "Building the plugin and the sandbox; the first time takes some minutes."
	@cargo build --package kubectl-usercert --package usercert-tests --bins
	@PATH="$(abspath $(TARGET))/debug:$$PATH" docs/scripts/try

# All tests at once: another selection has other features of dependencies, which are then built anew.
test: ## everything that must pass: formatting, lints, unit tests, end to end, the page
	@docs/scripts/need --announce
	@docs/scripts/need node cargo kubectl openssl python vectors go strace ruby cargo-deb
	$(MAKE) lint
	INSTA_UPDATE=no cargo test --workspace
	@if [ -x web-demo/tests/run.sh ]; then docs/scripts/need wasm chromium firefox webkit && web-demo/tests/run.sh; fi
	@echo "make test: all passed"

lint: ## formatting, clippy, documentation and its links, and core for wasm32
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --workspace
	docs/scripts/check-core
	docs/scripts/check-layers --self-test
	docs/scripts/check-layers
	docs/scripts/check-docs --self-test
	docs/scripts/check-docs

unit: ## tests of the crates, and of the sandbox with the real kubectl
	cargo test --workspace --exclude usercert-tests
	cargo test --package usercert-tests --lib --bins --test 'sandbox*'

e2e: ## the built plugin on the sandbox; on real servers if KUBEBUILDER_ASSETS or USERCERT_TEST_KUBECONFIG is set
	cargo test --workspace --test e2e --test package

docs: ## regenerate docs/cli.md, docs/man and the picture from the program
	USERCERT_WRITE_DOCS=1 cargo test --quiet --package kubectl-usercert --test cli_docs
	cargo build --quiet --package kubectl-usercert --package usercert-tests --bins
	docs/scripts/picture

site: ## the documentation as a site with search, its links checked: dist/docs
	@docs/scripts/need cargo mdbook
	docs/scripts/site

web: ## the page: web-demo/dist/index.html
	@docs/scripts/need cargo wasm
	web-demo/build.sh

release: ## archive for this machine, its list of crates, hashes, krew manifest: dist/
	@docs/scripts/need cargo python cargo-deb
	docs/scripts/release

image: ## container image for amd64 and arm64 as an OCI layout, without a daemon: dist/kubectl-usercert_image.tar
	@docs/scripts/need cargo python zig debian-rust
	docs/scripts/image

cross: ## other systems, as far as this machine can run them: Windows, arm64, musl, macOS; cross-TARGET for one
	docs/scripts/cross $(if $(E2E),--e2e)

cross-%:
	docs/scripts/cross $(if $(E2E),--e2e) $*

bench: ## compare with what people use today; writes nothing
	@docs/scripts/need cargo kubectl openssl hyperfine
	docs/scripts/bench
	docs/scripts/bench-many

soak: ## the long versions of the randomized tests, with the real kubectl
	@docs/scripts/need cargo kubectl
	USERCERT_SOAK=10000 PROPTEST_CASES=10000 cargo test --release --package usercert-core
	USERCERT_CROWD=1000 cargo test --package usercert-tests --test e2e -- killed_twice_and_resumed
	USERCERT_SOAK=1 cargo test --package usercert-tests --test e2e -- approver::crashes
	[ -z "$$USERCERT_TEST_KUBECONFIG" ] || docs/scripts/bench-renewals "$$USERCERT_TEST_KUBECONFIG"

fuzz: ## each fuzz target for a minute; needs nightly Rust
	@docs/scripts/need cargo fuzz
	docs/scripts/fuzz

clean: ## remove what was built
	cargo clean
	rm -rf web-demo/dist dist
