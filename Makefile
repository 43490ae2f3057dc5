# `make run` and `make test` do all the set-up themselves; both rest on `make install`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install run real test lint compiled fuzz trials bench bench-guard lock ui clean

install: $(STAMP)

# uv comes by pip into the environment itself; every other package is pinned by hash.
$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements-dev.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The six cities of the seed; `muang nightly --profile demo` alone runs all 36. Some of what the demo delivers is broken
# on purpose, so the night ends with 1 ("something was rejected"), which is no failure here.
DEMO_CITIES := phuket khon_kaen mae_moh samyan wangchan_valley korat

run: install
	$(BIN)/muang nightly --profile demo $(DEMO_CITIES:%=--city %) || test $$? -eq 1

real: install
	$(BIN)/python -m tests.real

ui: install
	$(BIN)/muang ui

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/draw_imports.py --check
	$(BIN)/python docs/write_sources.py --check
	$(BIN)/python docs/write_indicators.py --check
	$(BIN)/python docs/write_meter_rules.py --check
	$(BIN)/python -c 'import time; begun = time.perf_counter(); import pipelines.definitions; print(f"The definitions load in {time.perf_counter() - begun:.1f} s; 3 s is the promise on an idle machine")'

# Tests sync thousands of small files, and wait for the disk longer than for the processor: in memory where it has room.
FOLDER = $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 8000000 {print "PYTEST_DEBUG_TEMPROOT=/dev/shm"}')

# Tests wait for servers, signals and locks: so there is one process more than there are cores. With two more all took 7 % more
# processor time, and on two cores half a minute longer.
WORKERS = $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

# Bytecode is kept, whatever the environment says: each of many processes would compile the house and its tests anew, so
# that it is made before they start, beside the checks, which have one core. What is wrong with a test, it tells itself.
compiled: install
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only -qq > /dev/null 2>&1 || true

# Threads of Polars in each process that tests would cost a quarter more processor time.
test: install
	$(MAKE) --no-print-directory -j 2 lint compiled
	$(FOLDER) PYTHONDONTWRITEBYTECODE= POLARS_MAX_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# 10,000 mutated exports a format, as many files in other shapes than their layouts say, and new examples of every
# property, sixteen times as many; `make test` has a small fixed sample.
INPUTS ?= 10000

fuzz: install
	failed=0; for what in run twins; do $(BIN)/python -m tests.fuzz.$$what --inputs $(INPUTS) || failed=1; done; \
		$(BIN)/pytest -n auto -m "hypothesis and not trial" --hypothesis-profile=explore || failed=1; exit $$failed

# Crashes, writers beside each other, nights of faults, attacks on privacy, and the tests marked as trials; `make test`
# has a small fixed sample. MINUTES bounds each kind.
MINUTES ?= 60
STORE ?= local

trials: install
	failed=0; $(BIN)/pytest -m trial || failed=1; for kind in crash writers nights privacy; do \
		$(BIN)/python -m tests.trials.run --kind $$kind --store $(STORE) --minutes $(MINUTES) || failed=1; \
	done; exit $$failed

bench: install
	$(BIN)/python -m bench.readers

# Fails where a ratio of docs/performance.md has passed its limit, never on seconds; takes some minutes. It is no
# part of `make test`.
bench-guard: install
	failed=0; for what in start normalise night; do \
		$(BIN)/python -m bench.$$what --times 3 --guard || failed=1; \
	done; exit $$failed

lock: install
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 pyproject.toml --group workers --constraint requirements.txt -o requirements-workers.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 pyproject.toml --group dev --constraint requirements-workers.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) .muang .real .fuzz
