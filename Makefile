# Everything a person does with this project. `make help` lists it; each line below a target's name is what it runs.
SHELL := /bin/bash
AIRWORTHY := .venv/bin/airworthy
PYTHON := .venv/bin/python
# Further arguments for a command: make test ARGS="-k canary", make demo ARGS="--no-keep"
ARGS ?=
# Processes that run tests: the whole stack's take one, the others share the rest. 0 runs all in one, the stack's last
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup setup-test up down status logs demo test test-fast lint format types bench figures reference \
  freeze clean

help: ## show this list
	@echo "make TARGET [ARGS=...]      the first one also sets everything up (.venv, Java); later ones start at once"
	@[ -t 1 ] && bold=$$(printf '\033[1m') plain=$$(printf '\033[0m'); awk -F ':.*## ' -v b="$$bold" -v p="$$plain" \
	  '/^[a-z-]+:.*## / { printf "  %s%-9s%s %s\n", b, $$1, p, $$2 }' $(MAKEFILE_LIST)

setup:
	@scripts/setup.sh

setup-test:
	@scripts/setup.sh test

demo: setup ## the main job, end to end, on real flights: data, training, canary, approval, promotion (5 to 8 minutes)
	@$(AIRWORTHY) demo $(ARGS)

up: setup ## start the embedded stack: Airflow, MLflow, the local cluster, serving; waits until all are healthy
	@$(AIRWORTHY) up $(ARGS)

down: ## stop the embedded stack; its state stays in .airworthy
	@if [ -x $(AIRWORTHY) ]; then $(AIRWORTHY) down $(ARGS); else echo "not set up, so nothing runs"; fi

status: setup ## what runs, where, and how to sign in
	@$(AIRWORTHY) status $(ARGS)

logs: setup ## the processes' logs (ARGS="-f scheduler" follows one)
	@$(AIRWORTHY) logs $(ARGS)

test: setup-test lint ## lint, types, import rules, then every test, the whole stack and the browser included
	@$(PYTHON) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS) tests

test-fast: setup ## the inner loop: every test that starts no stack, Spark, server, pod or training; within two minutes
	@$(PYTHON) -m pytest -n $(JOBS) --dist loadfile -m "not stack and not spark and not slow" --durations=5 \
	  --durations-min=3 $(ARGS) tests

lint: setup ## style, types and import rules, without the tests
	@$(PYTHON) -m ruff check . || { echo "why each rule is there: [tool.ruff.lint] in pyproject.toml"; exit 1; }
	@$(PYTHON) -m ruff format --check . || { echo "make format does it"; exit 1; }
	@$(PYTHON) -m mypy include || { echo "types are checked everywhere under include/: the next person reads them first"; exit 1; }
	@PYTHONPATH=include:plugins .venv/bin/lint-imports

format: setup ## put the code into the project's format
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

bench: setup ## the benchmarks, then the figures of all of them in one table (ARGS=overhead runs one)
	@for one in $(or $(ARGS),$(patsubst benchmarks/%.py,%,$(wildcard benchmarks/*.py))); do \
	  echo "== $$one"; $(PYTHON) -m benchmarks.$$one || exit 1; done
	@$(PYTHON) -m benchmarks.support.figures

figures: setup ## write README's "Measured" from benchmarks/results
	@$(PYTHON) scripts/figures.py

reference: setup ## write docs/reference from the code: commands, pipeline.yaml, settings, ledger events, metrics
	@$(PYTHON) -m scripts.reference

freeze: setup ## write the pins of requirements*.txt from what is installed
	@$(PYTHON) scripts/freeze.py

clean: down ## stop the stack and delete its state (models, runs, lake, passwords) and caches; .venv stays
	@rm -rf .airworthy .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache spark-warehouse metastore_db
	@echo "removed .airworthy and the caches"
