# Commands for a machine that has only Python and make; each makes .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip writes this file when the install has finished; a change of pyproject.toml makes it anew
STAMP_DEMO := $(VENV)/.installed-demo
STAMP_DEV := $(VENV)/.installed-dev
STAMP_DOCS := $(VENV)/.installed-docs
PIP := -m pip install --disable-pip-version-check -q
# what the tests without extras leave out, since it needs torch, PyAV, onnx, optuna, dask or fsspec
NEED_EXTRAS := accelerate|cluster|encoder|mn04|musicnn|mlp|optuna|network|picture|cnn|resnet|torch|safetensors
CORE_TESTS := $(addprefix tests/test_,alarms.py audio.py calibration.py catalog.py cli.py compare.py config.py \
	evaluate.py extract.py features.py files.py fingerprint.py kernels.py mixes.py models.py names.py plots.py \
	portable.py recordings.py scan.py source.py spectrogram.py splits.py storage.py suspicion.py tables.py \
	uncertainty.py without_extras.py)

.PHONY: help demo test test-core test-lowest lint format docs build clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "make %-12s %s\n", $$1, $$2}'

demo: $(STAMP_DEMO) ## render the built-in music and run everything on it
	$(BIN)/tonearm demo --out demo

test: lint ## ruff, mypy, import layers, and the tests with coverage
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --cov --cov-report=term -n auto --maxprocesses 4 --dist loadfile

lint: $(STAMP_DEV) ## ruff, mypy and import layers alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP_DOCS) ## build the documentation in docs/_build/html; its examples run on the built-in music
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -n -W --keep-going -q docs docs/_build/html
	$(BIN)/python docs/pages/check_links.py docs/_build/html

format: $(STAMP_DEV) ## bring all code into ruff's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test-core: ## what must work without any extra, in a fresh environment
	$(PYTHON) -m venv --clear build/core
	build/core/bin/python $(PIP) -e . pytest hypothesis
	$(MAKE) --no-print-directory run-core ENV=build/core

test-lowest: ## the same with the oldest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear build/lowest
	build/lowest/bin/python $(PIP) uv
	build/lowest/bin/uv pip compile -q --resolution lowest-direct --no-header pyproject.toml -o build/lowest/versions.txt
	build/lowest/bin/uv pip install -q --python build/lowest/bin/python -r build/lowest/versions.txt
	build/lowest/bin/uv pip install -q --python build/lowest/bin/python -c build/lowest/versions.txt pytest hypothesis
	build/lowest/bin/uv pip install -q --python build/lowest/bin/python --no-deps -e .
	$(MAKE) --no-print-directory run-core ENV=build/lowest

# old packages among new ones warn of much that is no concern of ours
run-core:
	OMP_NUM_THREADS=1 $(ENV)/bin/python -m pytest -q -o filterwarnings=default \
	  -k "not ($(subst |, or ,$(NEED_EXTRAS)))" $(CORE_TESTS)

build: | $(BIN)/python ## wheel and sdist in dist/, checked, and the wheel tried in a fresh environment
	$(BIN)/python $(PIP) "build>=1.2" "twine>=6.1"
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(PYTHON) -m venv --clear build/wheel
	build/wheel/bin/python $(PIP) dist/*.whl
	cd build && wheel/bin/tonearm --version && wheel/bin/tonearm --help > /dev/null

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP_DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python $(PIP) -e ".[dev]"
	@touch $(STAMP_DEV) $(STAMP_DEMO)

$(STAMP_DOCS): pyproject.toml | $(BIN)/python
	$(BIN)/python $(PIP) -e ".[docs]"
	@touch $(STAMP_DOCS)

$(STAMP_DEMO): pyproject.toml | $(BIN)/python
	$(BIN)/python $(PIP) -e ".[deep,demo,encoders]"
	@touch $(STAMP_DEMO)

clean: ## remove .venv and what the tests, the build and the documentation leave
	rm -rf $(VENV) build dist docs/_build docs/gallery docs/reference .coverage .coverage.* .mypy_cache .pytest_cache \
	  .ruff_cache .import_linter_cache .hypothesis
