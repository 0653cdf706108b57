# make demo: everything on the sample; make test: the tests. Both make .venv and install first.
# make check, make test-slow: lint, types, imports and configs; the tests that need minutes.
# make bench-attention, bench-step, bench-batches, bench-data: ours beside the peers, JSON last.
# make <stage> ARGS="...": one stage, with hydra overrides; make all ARGS="...": the whole line.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ARGS ?=
export TOKENIZERS_PARALLELISM = false

STAGES = dump corpus vocab dataset pretrain evaluate export

BENCHES = bench-attention bench-step bench-batches bench-data

.PHONY: help install demo all submit inspect $(STAGES) $(BENCHES) check format test test-slow clean

help:
	@sed -n 's/^# //p' Makefile
	@echo "stages: $(STAGES)"

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[sample,ray,dev]"
	touch $@

demo: all

all submit inspect $(STAGES): install
	$(BIN)/python -m pipeline stage=$@ $(ARGS)

## Threads that wait sleep: spinning, as they would by default, counts as CPU seconds without being work.
$(BENCHES): install
	OMP_WAIT_POLICY=passive $(BIN)/python -m scripts.$(subst -,_,$@) $(ARGS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_configs.py

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: install
	$(BIN)/python -m pytest -m "not slow" -n 2 $(ARGS)

test-slow: install
	$(BIN)/python -m pytest -m slow $(ARGS)

clean:
	rm -rf $(VENV) .venv-peers .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
