# Each target first installs what it needs. Only Python, make and a
# package index are required.

SHELL = /bin/sh
.DEFAULT_GOAL = help
.PHONY: help setup demo lint test test-loaders test-engines bench build clean

# Tried in this order; `make PYTHON=/path/to/python3` names one.
PYTHON =
PYTHONS = $(or $(PYTHON),python3 python3.13 python3.12 python3.11)

VENV = .venv
BIN = $(VENV)/bin
SYNCED = $(VENV)/.synced
INSTALLED = .meltano/.installed

# Every tool works inside this checkout, whatever the caller's shell has activated, and
# leaves nothing outside but package caches.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
unexport PYTHONDONTWRITEBYTECODE # it makes every start of Meltano slow
export TMPDIR = $(CURDIR)/$(VENV)/tmp
export XDG_STATE_HOME = $(CURDIR)/.meltano/state
# Without a home directory, as in some containers, the caches are here, too.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export XDG_CACHE_HOME = $(CURDIR)/$(VENV)/cache
endif
export UV_PROJECT_ENVIRONMENT = $(VENV)
export UV_PYTHON_DOWNLOADS = never
# As pip does, so that a company's own certificate authority works for both.
export UV_SYSTEM_CERTS = true
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export MELTANO_CLI_DISABLE_VERSION_CHECK = true
export MELTANO_SEND_ANONYMOUS_USAGE_STATS = false

help:
	@echo 'make demo          load a made-up account into a temporary PostgreSQL'
	@echo 'make test          all checks: format, lint, types, tests'
	@echo 'make lint          only the checks without tests: format, lint, types, workflows'
	@echo 'make test-loaders  load the same account with every loader of docs/loaders.md'
	@echo 'make test-engines  run the projects of docs/organisations.md'
	@echo 'make bench         measure speed and memory'
	@echo 'make build         make the packages for PyPI, in dist'
	@echo 'make setup         only install what these need, in .venv and .meltano'
	@echo 'make clean         remove what setup installed'

setup: $(INSTALLED)

demo: setup
	@$(BIN)/python -m tests.demo

lint: $(SYNCED)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/uv lock --check --quiet

test: setup lint
	$(BIN)/pytest

# What these install stays in .venv: too heavy for every run of the tests.
test-loaders: setup
	$(BIN)/pytest -m loaders --numprocesses=0

test-engines: setup
	$(BIN)/pytest -m engines --numprocesses=0

# A part of it: `make bench WORKLOADS=reviews,limit`.
bench: setup
	@$(BIN)/python -m tests.bench $(if $(WORKLOADS),--workloads '$(WORKLOADS)')

build: $(SYNCED)
	$(BIN)/uv build --clear

# Not all of .meltano: it contains the state of your own runs.
clean:
	rm -rf $(VENV) $(INSTALLED) .meltano/extractors .meltano/loaders
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .bench

# An interpreter must run to count: the shims of pyenv exist but fail.
$(BIN)/python:
	@found=; \
	for python in $(PYTHONS); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	        || continue; \
	    found=$$python; \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	    echo "setup: $(VENV) with $$("$$python" --version)"; \
	    exec "$$python" -m venv --clear $(VENV); \
	done; \
	if [ "$$found" ]; then \
	    echo "setup: $$found cannot make virtual environments." \
	        'Install its venv module (Debian, Ubuntu: apt-get install python3-venv).'; \
	else \
	    echo 'setup: no Python 3.11 or newer found (tried: $(PYTHONS)).' \
	        'Install one (Debian, Ubuntu: apt-get install python3 python3-venv)' \
	        'or name one: make PYTHON=/path/to/python3'; \
	fi >&2; \
	exit 1

# uv comes from PyPI in the version of uv.lock, and installs the rest from there.
$(SYNCED): $(BIN)/python pyproject.toml uv.lock
	@echo 'setup: packages of uv.lock'
	@mkdir -p $(VENV)/tmp
	@version=$$(sed -n '/^name = "uv"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' uv.lock); \
	$(BIN)/python -m pip install --quiet "uv==$$version"
	@$(BIN)/uv sync --locked --quiet
	@touch $@

$(INSTALLED): $(SYNCED) meltano.yml $(wildcard plugins/*/*.lock)
	@echo 'setup: tap-partoo and its loaders, by meltano install'
	@$(BIN)/meltano --log-level=warning install
	@touch $@
