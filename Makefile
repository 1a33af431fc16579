# Every target first installs into .venv whatever is missing or out of date there.
PROFILE ?= standard
DEVICE ?= auto
WORKERS ?=
ARGS ?=
PYTHON ?=

# exec: an interrupt or a termination reaches the command itself, not a shell around it.
run = @exec .venv/bin/
# Processes that share all tests; what one has not begun when another is done goes over to that one.
shared = --numprocesses logical --maxprocesses 4 --dist worksteal
spelled = Makefile *.md *.cff *.toml .importlinter .pre-commit-config.yaml .ci/* suite tests experiments

.PHONY: help
help: ## list the targets
	@echo 'usage: make TARGET [PROFILE=quick|standard|full] [DEVICE=auto|cpu|cuda|mps] [WORKERS=n] [ARGS="..."]'
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

.PHONY: benchmark
benchmark: installed ## train what is missing and write the report; PROFILE=quick for a first taste
	$(run)leadline run --profile '$(PROFILE)' --device '$(DEVICE)' $(if $(WORKERS),--workers '$(WORKERS)') $(ARGS)

.PHONY: test
test: installed ## run the tests in up to four processes; ARGS="-k word" for some of them, in one
	@exec env OMP_NUM_THREADS=1 .venv/bin/python -m pytest $(or $(ARGS),$(shared))

.PHONY: ui
ui: installed ## browse the runs in MLflow
	$(run)leadline ui $(ARGS)

.PHONY: report
report: installed ## write the report anew from what is stored
	$(run)leadline report --profile '$(PROFILE)' $(ARGS)

.PHONY: verify
verify: installed ## train a sample of the stored networks again and compare their numbers
	$(run)leadline verify $(ARGS)

.PHONY: speed
speed: installed ## time Leadline against PyTorch, scikit-learn and JAX; ARGS=--scaling for how cost grows
	@sh .ci/install "$(PYTHON)" speed
	$(run)leadline speed $(ARGS)

.PHONY: check
check: installed ## check format, lint, types, import directions and spelling
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/codespell $(spelled)

.PHONY: format
format: installed ## format the code and mend what ruff can
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.PHONY: clean
clean: ## remove .venv and caches; keeps results/, reports/ and the MLflow store
	rm -rf .venv build dist *.egg-info .*_cache .hypothesis .coverage
	find suite tests experiments -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: installed
installed:
	@sh .ci/install "$(PYTHON)"
