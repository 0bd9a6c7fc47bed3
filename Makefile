# Two commands do everything: `make demo` and `make test`.
# The environment lives in .venv; `make clean` removes all that these targets make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   ?= demo

.PHONY: demo test test-all format lint types imports tests vectors lock bench clean

demo: $(VENV)/.core
	$(BIN)/hansa demo --folder $(DEMO) --again

test: lint types imports tests

test-all: lint types imports $(VENV)/.networks $(VENV)/.cluster
	HYPOTHESIS_PROFILE=exhaustive $(BIN)/python -m pytest -m "slow or not slow"

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

tests: $(VENV)/.dev $(VENV)/.networks
	$(BIN)/python -m pytest -n 2

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/verify.py
	$(BIN)/python benchmarks/fit.py
	$(BIN)/python benchmarks/secure_sum.py --quick
	$(BIN)/python benchmarks/privacy.py
	$(BIN)/python benchmarks/describe.py
	$(BIN)/python benchmarks/seeds.py
	$(BIN)/python benchmarks/leakage.py --quick

# Remakes the hash-pinned lists from pyproject.toml; needs `uv` on the PATH.
lock:
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
	  --group build --extra dp pyproject.toml -o requirements/core.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
	  --group build --group dev --extra boost --extra data --extra dp --extra postgres --extra s3 pyproject.toml -c requirements/core.txt -o requirements/dev.txt
	echo 'torch==2.13.0+cpu' | uv pip compile -q --generate-hashes --no-header --python-version 3.11 \
	  --group networks --extra networks pyproject.toml -c requirements/dev.txt -c - -o requirements/networks.txt
	uv pip compile -q --generate-hashes --no-header --python-version 3.11 \
	  --extra ray pyproject.toml -c requirements/dev.txt -o requirements/cluster.txt

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hansa needs Python 3.11 or newer; say make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# Not compiled: Python compiles what it imports, which is a tenth of what lies here, and half of the time is saved.
$(VENV)/.core: requirements/core.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements/core.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.core
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements/dev.txt
	touch $@

# PyTorch's build for CPUs is in no registry's default place: it is installed where pip knows of it (`PIP_FIND_LINKS`), and only if it is the one with this digest.
$(VENV)/.networks: requirements/networks.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements/networks.txt || \
	  echo '*** PYTORCH IS NOT TO BE HAD HERE: NO TEST OF NETWORKS RUNS (docs/decisions/0024-pytorch.md) ***'
	touch $@

# Ray has wheels for some Pythons only; without one, its tests are skipped and say so.
$(VENV)/.cluster: requirements/cluster.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements/cluster.txt || \
	  echo '*** RAY IS NOT TO BE HAD HERE: NOTHING IS TESTED OVER A CLUSTER (docs/decisions/0026-ray.md) ***'
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
