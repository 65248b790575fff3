# Every target sets up what it needs first; all are safe to repeat and to interrupt.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

DATA ?= samples/ibm/ibm_late_payments.csv
OUT ?= out/replay-real
PORTFOLIO ?= samples/ibm
CHAOS ?=
REGION := us-east-1

environment := PYTHON="$(PYTHON)" requirements/environment.sh
escalon := .venv/bin/escalon
# sam and cfn-lint ask for a region and would look for credentials of this machine's owner.
sam := AWS_DEFAULT_REGION=$(REGION) SAM_CLI_TELEMETRY=0 .local/sam/bin/sam

.PHONY: help setup venv tools run test lint format bench up down replay-real pins clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv:
	@$(environment) .venv requirements/dev.txt "$(CURDIR)"

# sam and MiniStack pin boto3 against each other and against us: each has its own environment.
tools:
	@$(environment) .local/sam requirements/sam.txt
	@$(environment) .local/ministack requirements/ministack.txt

setup: venv tools ## make the three environments, without running anything

run: setup ## collect the sample portfolio in an embedded AWS, show the page and keep the stack
	@$(escalon) run

test: setup ## run every test, those on a deployed stack included (ARGS=… for pytest)
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup ## ruff, mypy, cfn-lint, sam validate
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/cfn-lint template.yaml
	$(sam) validate --lint --template template.yaml

format: venv ## let ruff put the code in order
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: setup ## print the benchmarks, each beside its floor
	@.venv/bin/python -m bench

up: setup ## start a local stack and keep it (escalon status, escalon down)
	@$(escalon) up

down: venv ## stop every local stack
	@$(escalon) down --all

replay-real: setup ## replay a real portfolio: DATA=file.csv OUT=folder (CHAOS=1 for forged and late notices)
	@$(escalon) replay "$(DATA)" --mapping $(PORTFOLIO)/mapping.yaml \
	  --rulebook $(PORTFOLIO)/rulebook --from 2012-01-03 --to 2014-01-31 --at 09:00 \
	  $(if $(CHAOS),--chaos) --out "$(OUT)"

pins: ## resolve the requirements again and write the pinned lists
	@requirements/pins.sh

clean: ## stop local stacks; remove environments and everything built
	@if [ -x $(escalon) ]; then $(escalon) down --all || true; fi
	rm -rf .venv .local .aws-sam
