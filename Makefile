# Every command does all of its own set-up: a .venv of pinned packages, downloads, the run.
# The machine needs Python 3.11 to 3.13, make, and a way to the package registries.
#
#   make demo ARGS="--tokens 20000"     more words for `unmix demo`
#   make test ARGS="tests/cli -k help"  some of the tests
#   make demo PYTHON=/opt/python3.12    the Python to build on; its own torch is kept if made for a GPU
#   make demo TORCH=pinned              the pinned torch, in any case
#   make demo PIP_FLAGS="--extra-index-url URL"   more flags for pip
#   make test UNMIX_SKIP_WEB=1          without the page, for work on the Python alone

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$p && break; done)
ARGS ?=
export TORCH PIP_FLAGS UNMIX_SKIP_WEB
bin := .venv/bin

.PHONY: help demo test check web docs bench bench-peers bench-quality claims learn-runs environment clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: environment web ## Train a dictionary on a real language model and look at every latent of it (7 minutes)
	@$(bin)/unmix demo $(ARGS)

test: environment web ## Run all the tests
	@sh tools/browser.sh
	@$(bin)/python -m pytest -n 2 $(ARGS)

check: environment web ## Check form, types, the direction of imports, fragments, and the wheel
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/pyrefly check
	@$(bin)/python tools/web.py check
	@$(bin)/lint-imports --no-logo > .venv/imports.log || { cat .venv/imports.log; exit 1; }
	@$(bin)/towncrier build --draft --version next > .venv/news.log 2>&1 || { cat .venv/news.log; exit 1; }
	@$(bin)/python -m pytest -q tests/test_project.py

web: environment ## Build the page of the explorer, if its sources changed
	@$(bin)/python tools/web.py

docs: environment ## Write the tables of flags in docs/cli.md and the pictures of the worlds anew
	@$(bin)/python tools/reference.py
	@$(bin)/python tools/worlds.py

claims: environment ## Run the claims that are stale and say which hold (20 minutes from nothing)
	@$(bin)/python -m unmix.evaluation.claims.run $(ARGS)
	@$(bin)/python -m unmix.learn.verify --quick

learn-runs: environment ## Record what the learning page shows, where it is missing, and run its witnesses (half an hour)
	@$(bin)/python -m unmix.learn.make $(ARGS)
	@$(bin)/python -m unmix.learn.verify

bench: environment ## Measure how fast it is, against its own matrix products (10 minutes)
	@for part in step harvest train many; do \
		$(bin)/python benchmarks/$$part.py $(ARGS) || exit 1; done

bench-peers: environment ## Measure how fast it is beside other libraries (half an hour)
	@$(bin)/python benchmarks/peers.py $(ARGS)

bench-quality: environment ## Measure dictionaries against those of other libraries (an hour)
	@$(bin)/python benchmarks/quality/run.py $(ARGS)

environment: ## Make .venv, or bring it up to date
	@test -n "$(PYTHON)" || { echo "no Python 3.11 to 3.13 with venv was found;" \
		"install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path" >&2; exit 2; }
	@$(PYTHON) tools/environment.py

clean: ## Remove what make made; runs and stores stay
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist \
		web/node_modules src/unmix/explorer/static
