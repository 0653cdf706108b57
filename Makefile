# make demo: all stages on the sample dump; make test: the fast tests. Both create .venv and install first.
# make check: formatting, lint, spelling, types, imports and configs; make test-slow: the tests that take minutes.
# make bench-attention, bench-step, bench-batches, bench-data: comparisons with peer projects; the last line is JSON.
# make predict TEXT="...[[mention]]...": the entities that the demo's model predicts, or that of MODEL=FOLDER.
# make <stage> ARGS="...": one stage, with hydra overrides; make all ARGS="...": all stages of all runs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ARGS ?=
export TOKENIZERS_PARALLELISM = false

STAGES = dump corpus vocab dataset pretrain evaluate export

BENCHES = bench-attention bench-step bench-batches bench-data

.PHONY: help install demo all submit inspect predict settings $(STAGES) $(BENCHES) check format test test-slow clean

help:
	@sed -n 's/^# //p' Makefile
	@echo "stages: $(STAGES)"

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[sample,ray,dev]"
	touch $@

demo: all

all submit inspect predict settings $(STAGES): install
	$(BIN)/python -m pipeline stage=$@ $(ARGS)

## $(value TEXT) is TEXT as it was typed. $(TEXT), or exporting TEXT itself, would expand the dollar signs in it.
unexport TEXT MODEL
predict: export PREDICT_TEXT = $(value TEXT)
predict: export PREDICT_MODEL = $(value MODEL)

## By default, idle OpenMP threads spin, which counts as CPU seconds without being work. PASSIVE makes them sleep.
$(BENCHES): install
	OMP_WAIT_POLICY=passive $(BIN)/python -m scripts.$(subst -,_,$@) $(ARGS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
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
