# The commands of this project; `make` alone lists them. Everything that a target needs it sets up itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

CARGO_TARGET_DIR ?= $(HOME)/.cache/oxikale/target
export CARGO_TARGET_DIR
# The command as tests and benchmark start it.
OXIKALE := $(abspath $(CARGO_TARGET_DIR))/release/oxikale

NOTEBOOKS := simple_pipeline opt_package titanic

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: prerequisites
prerequisites:
	@scripts/prerequisites.sh

.PHONY: release
release: prerequisites
	cargo build --release --locked --package oxikale-cli

.PHONY: data
data: prerequisites
	reference_notebooks/titanic_data.sh

.PHONY: demo
demo: release data ## run the Titanic notebook as a pipeline on this machine
	"$(OXIKALE)" run reference_notebooks/titanic.ipynb

.PHONY: lab
lab: release ## open JupyterLab with the kernel on notebooks/; ARGS="--no-browser --port 9999" are options of its own
	scripts/lab.sh "$(OXIKALE)" notebooks $(ARGS)

.PHONY: test
test: lint doc test-rust test-assist test-python test-papermill test-kernel test-notebooks ## run every check and every test

# The tests without rust-analyzer, which the evcxr engine brings: unoptimised, it takes half a minute to start.
.PHONY: test-rust
test-rust: release data
	cargo test --workspace --exclude oxikale-cli --locked
	cargo test --package oxikale-cli --no-default-features --locked

# The helper process is the command's, so that rust-analyzer is built once.
.PHONY: test-assist
test-assist: release ## ask the helper process about cells
	scripts/rust_src.sh
	OXIKALE="$(OXIKALE)" cargo test --workspace --exclude oxikale-cli --locked --test helper

.PHONY: test-evcxr
test-evcxr: prerequisites ## run the tests that need rust-analyzer themselves: the engine's notebooks in evcxr take half an hour
	scripts/rust_src.sh
	cargo test --release --package oxikale-engine --features evcxr --locked --test evcxr --test cells
	cargo test --release --package oxikale-cli --package oxikale-assist --features oxikale-assist/analysis --locked --lib

.PHONY: test-python
test-python: release data
	venv=$$(scripts/venv.sh tests/python/requirements.txt) && \
	OXIKALE="$(OXIKALE)" "$$venv/bin/python" -m pytest tests/python

.PHONY: test-papermill
test-papermill: release
	venv=$$(scripts/venv.sh python/tests/requirements.txt) && \
	"$$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --force-reinstall ./python && \
	OXIKALE="$(OXIKALE)" "$$venv/bin/python" -m pytest python/tests

.PHONY: test-kernel
test-kernel: release data ## talk to the kernel through Jupyter's own clients
	scripts/prerequisites.sh browser
	scripts/rust_src.sh
	venv=$$(scripts/venv.sh tests/kernel/requirements.txt) && \
	OXIKALE="$(OXIKALE)" "$$venv/bin/python" -m pytest tests/kernel

# The peer fails many of them, and waits for most of those: an hour is enough, and what it has answered by then counts.
.PHONY: conformance
conformance: release data ## ask Oxikale's kernel and evcxr's for every feature, and write docs/conformance.md
	scripts/rust_src.sh
	venv=$$(scripts/venv.sh tests/kernel/requirements.txt) && peer=$$(scripts/evcxr_jupyter.sh) && \
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	{ OXIKALE="$(OXIKALE)" "$$venv/bin/python" -m pytest tests/kernel -m feature --features "$$folder/ours.json" || true; } && \
	{ KERNEL=evcxr EVCXR_JUPYTER_PATH="$$peer" KERNEL_PATIENCE=20 timeout --signal=INT 1h "$$venv/bin/python" -m pytest \
		tests/kernel -m feature --timeout 60 --features "$$folder/peers.json" || true; } && \
	"$$venv/bin/python" tests/kernel/conformance.py "$$folder/ours.json" "$$folder/peers.json" --output docs/conformance.md

.PHONY: test-notebooks
test-notebooks: release data ## run the reference notebooks in the engines
	scripts/rust_src.sh
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	for notebook in $(NOTEBOOKS); do \
		"$(OXIKALE)" exec "reference_notebooks/$$notebook.ipynb" --stop-on-error --output "$$folder/$$notebook.ipynb"; \
	done && \
	"$(OXIKALE)" exec reference_notebooks/simple_pipeline.ipynb --engine evcxr --stop-on-error \
		--output "$$folder/evcxr.ipynb"

.PHONY: bench
bench: release data ## measure beside Kale and evcxr, and write benches/results.md, engines.md and kernels.md
	python3 benches/bench.py --kale "$$(scripts/venv.sh benches/requirements.txt)" --output benches/results.md
	scripts/rust_src.sh
	cargo bench --locked --package oxikale-engine --features evcxr --bench cells -- --output "$(CURDIR)/benches/engines.md"
	venv=$$(scripts/venv.sh tests/kernel/requirements.txt) && peer=$$(scripts/evcxr_jupyter.sh) && \
	OXIKALE="$(OXIKALE)" "$$venv/bin/python" benches/kernel.py --evcxr "$$peer" --output benches/kernels.md

.PHONY: fmt
fmt: prerequisites ## format the Rust sources
	cargo fmt --all

.PHONY: lint
lint: prerequisites ## check the format, and let clippy look for mistakes
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: doc
doc: prerequisites ## build the documentation of the crates
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

.PHONY: clean
clean: ## remove what was built; runs, volumes and fetched data stay
	cargo clean
	rm -rf "$${OXIKALE_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/oxikale}"/venv-*
	find benches python tests -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf .pytest_cache python/.pytest_cache tests/python/.pytest_cache
