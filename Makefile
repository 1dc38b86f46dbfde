# make run     the app on http://127.0.0.1:8501; PORT=8600 for another port
# make quick   after each change: formatting, lint, and the tests that draw no page and start no process
# make test    formatting, lint, types and tests (not the slow ones, nor those for a GPU), as .ci/run does;
#              WORKERS=8 to run so many tests at once
# make format  let the formatter and the linter repair what they can

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := run
.PHONY: run quick test format

PORT ?= 8501
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --durations 10
QUICK := not slow and not gpu and not browser and not page and not process and not program
INSTALLED := $(VENV)/installed
INSTALLED_DEV := $(VENV)/installed-dev

run: $(INSTALLED)
	exec $(BIN)/streamlit run app.py --server.address 127.0.0.1 --server.port $(PORT)

quick: $(INSTALLED_DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(PYTEST) -m "$(QUICK)"

test: $(INSTALLED_DEV)
	scripts/ensure_chromium
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy & types=$$!
	$(PYTEST) || failed=1
	wait $$types || failed=1
	exit $${failed:-0}

format: $(INSTALLED_DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(INSTALLED): requirements.txt constraints.txt
	PYTHON="$(PYTHON)" scripts/make_environment $(VENV)
	echo "Installing requirements.txt; the first time this takes some minutes."
	$(INSTALL) -r requirements.txt
	touch $@

$(INSTALLED_DEV): requirements-dev.txt requirements.txt constraints.txt
	PYTHON="$(PYTHON)" scripts/make_environment $(VENV)
	echo "Installing requirements-dev.txt; the first time this takes some minutes."
	$(INSTALL) -r requirements-dev.txt
	touch $@ $(INSTALLED)
