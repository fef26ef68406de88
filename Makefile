# Two commands do the work on a fresh machine with Python 3.11 or newer: `make book` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SITE := _build/html
PORT ?= 8000
JOBS ?= 2

# Every extra but train: PyTorch for Linux brings 2.9 GB of CUDA libraries, which no page and no other test needs.
LOCKED := book lab cluster parquet test dev

.PHONY: help book exercises test test-all serve lab bench lint lock train-env clean

help: ## Show what each command does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

# The environment: exactly the lock, checked by hash, then the package itself. Made again when either changes.
$(READY): requirements.lock pyproject.toml
	@python=; for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11 or newer found. Install one, or name it: make PYTHON=/path/to/python3.12 book" >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$python" --version) (about 180 packages, 1 GB; a minute or two, once)"; \
	[ -x $(BIN)/python ] || "$$python" -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "Python has no working venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --disable-pip-version-check install --require-hashes --progress-bar off -r requirements.lock | grep -vE '^(Requirement already|  Using cached|  Downloading)' || test "$${PIPESTATUS[0]}" = 0
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

book: $(READY) ## Execute every chapter and build the book into _build/html
	@start=$$SECONDS; \
	$(BIN)/jupyter-book build . -W -n --keep-going; \
	echo "Built in $$((SECONDS - start)) s. Open $(SITE)/index.html, or run: make serve"

serve: book ## Serve the built book on this machine (PORT=8000)
	@echo "The book is at http://localhost:$(PORT)/ (stop with Ctrl-C)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory $(SITE)

lab: $(READY) ## Open the chapters as notebooks in JupyterLab, explorers live
	@$(BIN)/python lab

exercises: $(READY) ## Execute exercises/*.md into the notebooks beside them
	@$(BIN)/python -m scaling_helpers.exercises sync

# The tests of training need PyTorch. CI may skip nothing, so it adds it; elsewhere they are skipped and say why.
test: $(READY) $(if $(filter true,$(CI)),train-env) ## Everything CI checks: lint, types, package, notebooks, built book, browser, JupyterLab
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not long" --cov --cov-report=term:skip-covered tests
	@$(BIN)/python -m pytest --nbval --nbval-cell-timeout 60 --nbval-sanitize-with exercises/nbval_sanitize.cfg exercises

test-all: $(READY) ## The same and the long matrix
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term:skip-covered tests
	@$(BIN)/python -m pytest --nbval --nbval-cell-timeout 60 --nbval-sanitize-with exercises/nbval_sanitize.cfg exercises

lint: $(READY) ## Style, types, and exercise notebooks in step with their sources
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m scaling_helpers.exercises check

bench: book ## Import time, page weight, time to a live explorer, time per move, time per fit
	@$(BIN)/python benchmarks/imports.py
	@$(BIN)/python benchmarks/explorers.py
	@$(BIN)/python benchmarks/fit.py
	@$(BIN)/python benchmarks/scaling.py

lock: $(READY) ## Resolve the lock again, for every platform, with hashes
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet uv
	@$(BIN)/uv pip compile --quiet pyproject.toml $(addprefix --extra ,$(LOCKED)) --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --upgrade --output-file requirements.lock

train-env: $(READY) ## Add PyTorch, for `scaling train` and its tests (0.2 to 2.9 GB to fetch, by platform)
	@$(BIN)/python -m pip --disable-pip-version-check install --progress-bar off --requirement requirements-train.txt

clean: ## Remove everything built, the environment included
	rm -rf _build $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
