# Two commands for a machine that has only Python and make; both make .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip writes this file when the install has finished; a change of pyproject.toml makes it anew
STAMP_DEMO := $(VENV)/.installed-demo
STAMP_DEV := $(VENV)/.installed-dev
STAMP_DOCS := $(VENV)/.installed-docs

.PHONY: demo test lint docs clean help

help:
	@echo "make demo   render the built-in music and run everything on it"
	@echo "make test   ruff, mypy, import layers and the tests with coverage"
	@echo "make docs   build the documentation in docs/_build/html, its examples run on the built-in music"
	@echo "make clean  remove .venv and what the tests leave"

demo: $(STAMP_DEMO)
	$(BIN)/tonearm demo --out demo

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --cov --cov-report=term

lint: $(STAMP_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP_DOCS)
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -n -W --keep-going -q docs docs/_build/html
	$(BIN)/python docs/pages/check_links.py docs/_build/html

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP_DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev]"
	@touch $(STAMP_DEV) $(STAMP_DEMO)

$(STAMP_DOCS): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[docs]"
	@touch $(STAMP_DOCS)

$(STAMP_DEMO): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[deep,demo,encoders]"
	@touch $(STAMP_DEMO)

clean:
	rm -rf $(VENV) docs/_build docs/gallery docs/reference .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
