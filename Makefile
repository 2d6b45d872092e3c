# Two commands on a fresh machine, `make demo` and `make test`; each makes .venv itself, once.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
TORCH := torch==2.13.0
BIN := .venv/bin
# Each test process takes up to 1.6 GB of memory.
PYTEST := $(BIN)/python -m pytest --quiet --numprocesses auto --maxprocesses 4 --dist worksteal
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO ?= demo
# A folder with recordings of a saxophone, for one of the examples, and who made them; without it that one is left out.
SAX ?=
SAX_CREDIT ?=

.PHONY: help setup demo test coverage slow cluster kernels lint format bench examples notebooks docs lock fuzz runtimes wasm plugins outlets \
  release clean

help: ## say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

# Everything but torch is pinned by hash; torch is plain pip's choice of build for this machine. The lock comes first,
# so that torch finds its own small dependencies already there. Nothing is resolved. Our own kernels are compiled where
# there is a C++ compiler, and done without where there is none.
SUFFIX := $(if $(filter Darwin,$(shell uname -s)),.dylib,.so)
LIBRARY := src/oscine/kernels/liboscine$(SUFFIX)
.venv/.core: requirements/lock.txt pyproject.toml setup.py $(wildcard src/oscine/kernels/native/* src/oscine/runtime/native/*)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Oscine needs Python 3.11 or newer and '$(PYTHON)' is not: install it, or run make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv || { \
	  echo "Python could not make .venv: on Debian and Ubuntu, install the package python3-venv first" >&2; exit 1; }
	$(PIP) install --quiet --no-deps --require-hashes -r requirements/lock.txt
	$(PIP) install --quiet '$(TORCH)'
	@rm -f $(LIBRARY)
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@test -f $(LIBRARY) || echo "The kernels were not compiled, so Oscine computes in torch, several times slower. Install a C++" \
	  "compiler (on Debian and Ubuntu, the package g++) and run make clean setup"
	@touch $@

.venv/.dev: .venv/.core requirements/dev.txt
	$(PIP) install --quiet --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

setup: .venv/.dev ## make .venv with all that the other commands need

demo: .venv/.core ## learn a violin, sing through it, and write a page to hear and to look at
	$(BIN)/oscine demo --out $(DEMO)

test: .venv/.dev ## run the tests
	$(PYTEST)

# Counting lines takes almost as long as the tests themselves.
coverage: .venv/.dev ## run the tests, and say which lines of the package none of them runs
	$(PYTEST) --cov --cov-report=term

slow: .venv/.dev ## run the tests that take longest: browsers, clusters, other machines' processors, notebooks
	$(PYTEST) -m slow

cluster: .venv/.dev ## run the long tests of a cluster: 200 files, processes and a node lost
	OSCINE_CLUSTER_FILES=200 $(BIN)/python -m pytest --quiet -n 0 -m slow tests/cluster

kernels: .venv/.dev ## run the tests again with each further form of the kernels that this machine has
	@for form in $$($(BIN)/python -c 'from oscine import kernels; print(*kernels.available()[1:])'); do \
	  test $$form = oracle || { echo "OSCINE_KERNEL=$$form"; OSCINE_KERNEL=$$form $(PYTEST); } || exit 1; done

# Mutants of small program files through the C++ runtime; the limits are lower than usual, so that each takes little time.
FUZZ_FILES ?= 1000000
FUZZ_SEED ?= 1
FUZZ := .cache/fuzz
RUNTIME := src/oscine/runtime/native
fuzz: .venv/.dev ## load a million damaged program files under the address and undefined-behaviour sanitizers
	@mkdir -p $(FUZZ)
	$(BIN)/python -m tests.runtime.seeds $(FUZZ)/seeds
	$(CXX) -std=c++17 -O2 -g1 -fwrapv -fno-math-errno -fno-trapping-math -Wno-psabi -Wno-unknown-pragmas \
	  -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all \
	  -DOSCINE_FREE_BYTES=4194304ull -DOSCINE_MOST_WORK=4194304ull -I src/oscine/kernels/native -I $(RUNTIME) \
	  $(RUNTIME)/*.cpp tests/runtime/fuzz.cpp -o $(FUZZ)/fuzz
	$(FUZZ)/fuzz $(FUZZ_FILES) $(FUZZ_SEED) $(FUZZ)/seeds/*.oscine

# Windows and macOS are built by Zig's compiler, in an environment of its own.
plugins: .venv/.core ## build the plug-ins (CLAP, VST3, LV2) for Linux, Windows and macOS
	@test -x .cache/zig/bin/python || "$(PYTHON)" -m venv .cache/zig
	.cache/zig/bin/python -m pip --disable-pip-version-check install --quiet ziglang==0.17.1
	OSCINE_ZIG=.cache/zig/bin/python $(BIN)/python -m tools.build_plugins src/oscine/export/plugins

runtimes: .venv/.dev ## build the C++ runtime for aarch64 and WebAssembly, and compare their audio with this machine's
	$(BIN)/python -m tests.runtime.builds build/runtimes

wasm: .venv/.dev ## compile the runtime for browsers, which the package carries
	$(BIN)/python -m tools.build_wasm

INSTRUMENT ?=
outlets: .venv/.dev ## build every outlet and play it in its real host, where the host is here
	$(BIN)/python -m tests.export.outlets build/outlets $(INSTRUMENT)

# The release's tools, in an environment of their own. Wheels of every platform are compiled by Zig.
RELEASE := .cache/release
RELEASE_TOOLS := auditwheel==6.8.2 build==1.6.1 cyclonedx-bom==7.5.0 lief==1.0.0 setuptools==80.9.0 twine==7.0.0 \
  uv==0.13.9 ziglang==0.17.1
release: ## build wheels for every platform and the sdist into dist/, check them, and say what was not run
	@test -x $(RELEASE)/bin/python || "$(PYTHON)" -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip --disable-pip-version-check install --quiet $(RELEASE_TOOLS)
	$(RELEASE)/bin/python -m tools.release dist --torch '$(TORCH)'

lint: .venv/.dev ## style, types and spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/codespell

format: .venv/.dev ## let ruff put the style right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/.dev ## measure speed and error, and write docs/background/performance.md
	$(BIN)/python -m benchmarks

examples: .venv/.core ## learn, play and measure what the paper shows, and write docs/background/laboratory/paper
	$(BIN)/python -m examples $(if $(SAX),--sax "$(SAX)" $(if $(SAX_CREDIT),--sax-credit "$(SAX_CREDIT)"))

# A wheel to run them from, in an environment of its own; without it they run from the tree.
WHEEL ?=
notebooks: .venv/.dev ## run the notebooks from their first cell to their last, into build/notebooks
	$(BIN)/python -m tools.run_notebooks build/notebooks $(if $(WHEEL),--wheel "$(WHEEL)")

docs: .venv/.dev ## build the documentation into site/
	$(BIN)/python -m tools.reference
	$(BIN)/zensical build --clean --strict

lock: .venv/.dev ## pin the dependencies of pyproject.toml anew
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --all-build-deps --output-file requirements/lock.txt pyproject.toml
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --extra dev --extra docs --constraint requirements/lock.txt --output-file requirements/dev.txt pyproject.toml

clean: ## remove what the other commands made, .venv included
	rm -rf .venv $(LIBRARY) src/oscine/export/plugins site demo build dist .cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
