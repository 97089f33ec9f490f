# The only entry point. `make` alone prints what there is.

PROFILE := $(if $(RELEASE),--release,)
VENV := target/venv
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo nextest run || echo test)
SERVICES := identity tenancy-admin conversation channel-connector realtime-broadcast mail-ticket
WITH_SERVERS := cargo run --quiet -p testing --bin with-servers --

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this.
	@awk -F ':.*## ' '/^[a-zA-Z%-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Serve the whole system with demo data on http://127.0.0.1:8080 (RELEASE=1 optimises).
	@test -n "$$DATABASE_URL" || scripts/install-servers postgresql
	cargo run $(PROFILE) -p standalone -- demo --serve

.PHONY: providers
providers: ## Strict doubles of WhatsApp and Telegram on 127.0.0.1:9101 and 9102.
	cargo run $(PROFILE) -p testing --bin fake-providers -- \
		--graph 127.0.0.1:9101 --number 106540352242922=graph-token \
		--telegram 127.0.0.1:9102 --bot 12345:ABC --allow-any-webhook-url

.PHONY: test
test: servers browser tools ## Prove everything, on a private PostgreSQL and a private Redis.
	cargo build --workspace --bins
	$(WITH_SERVERS) cargo $(NEXTEST) --workspace

.PHONY: fuzz-api
fuzz-api: servers tools ## Call all operations, as everybody, with FUZZ_EXAMPLES=60 invented values each and at all bounds.
	cargo build --workspace --bins
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),60) NEXTEST_PROFILE=fuzz \
		$(WITH_SERVERS) cargo $(NEXTEST) -p standalone description::

.PHONY: fuzz-input
fuzz-input: ## Let libFuzzer read requests and judge their fields for FUZZ_SECONDS=120.
	cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --version 0.13.2 --locked --debug
	mkdir -p target/fuzz/corpus
	cd edge && cargo fuzz run --sanitizer none --target-dir ../target/fuzz input \
		../target/fuzz/corpus fuzz/seeds -- \
		-max_total_time=$(or $(FUZZ_SECONDS),120) -max_len=4096 -timeout=10

.PHONY: check
check: fmt-check lint doc lint-proto lint-openapi lint-files ## Everything that needs no server: format, lints, docs, protos, OpenAPI.

.PHONY: fmt
fmt: ## Format the code.
	cargo fmt --all

.PHONY: fmt-check
fmt-check:
	cargo fmt --all --check

.PHONY: lint
lint: ## Lint the code; a warning is an error.
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: doc
doc: ## Build the documentation of the code; a warning is an error.
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

.PHONY: lint-proto
lint-proto: $(VENV) ## Lint the protos.
	cd proto && ../$(VENV)/bin/buf lint

.PHONY: lint-openapi
lint-openapi: $(VENV) scripts/openapi/node_modules ## The description of the API is valid and keeps the rules of redocly.
	$(VENV)/bin/openapi-spec-validator edge/openapi.json
	REDOCLY_SUPPRESS_UPDATE_NOTICE=true scripts/openapi/node_modules/.bin/redocly lint \
		--config scripts/openapi/redocly.yaml edge/openapi.json

.PHONY: lint-files
lint-files: ## Every file says what it is for and stays small.
	scripts/lint-files

.PHONY: openapi
openapi: ## Write edge/openapi.json and edge/postman.json anew.
	cargo run --quiet -p edge --bin openapi > target/openapi.json
	cargo run --quiet -p edge --bin openapi -- postman > target/postman.json
	mv target/openapi.json target/postman.json edge/

.PHONY: deny
deny: ## Licences, sources and banned crates.
	cargo deny check licenses bans sources

.PHONY: prepare
prepare: servers ## Write the offline data of the checked SQL (.sqlx) anew.
	$(WITH_SERVERS) scripts/queries prepare $(SERVICES)

.PHONY: check-queries
check-queries: servers ## The offline data must be that of the migrations and queries.
	$(WITH_SERVERS) scripts/queries check $(SERVICES)

.PHONY: bench
bench: bench-bitacora bench-crowd bench-edge bench-list bench-login bench-token bench-webhook ## Every benchmark; each prints `name ours reference ratio target ok|short`.

.PHONY: bench-%
bench-%: servers ## One benchmark: bitacora, crowd, edge, list, login, token, webhook.
	cargo build --release -p bench -p edge -p standalone -p channel-connector -p identity
	target/release/bench $*

.PHONY: servers
servers:
	@scripts/install-servers postgresql redis

.PHONY: browser
browser:
	@scripts/install-servers chromium

.PHONY: tools
tools: $(VENV) libs/testing/js/node_modules

$(VENV): scripts/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r scripts/requirements.txt
	touch $(VENV)

%/node_modules: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	touch $@
