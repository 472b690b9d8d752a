# Every target works from a clean checkout: it installs what it needs, and says so.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
BIN := .venv/bin
# the programs that tests of images and containers use: buildah and podman with their helpers, a registry, a Debian maker
ENGINE := buildah podman runc skopeo docker-registry mmdebstrap
ENGINE_HELPERS := netavark aardvark-dns iptables uidmap
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
TARGET ?= examples/greet
PORT ?= 8081
SECONDS ?= 600
DIST ?= dist
# processes that run tests: these mostly wait for the servers and containers that they start
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
PYTEST := $(BIN)/pytest -q -n $(JOBS)

# Debian's python3 comes without venv; everything else is asked for only where it is missing.
define need
	@type $(1) >/dev/null 2>&1 || { echo "installing $(2) (apt-get)"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -qqy --no-install-recommends $(2) >/dev/null; }
endef

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.venv/bin/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "installing python3-venv (apt-get)"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -qqy python3-venv >/dev/null; }
	@echo "making .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'

.venv/.runtime: pyproject.toml | .venv/bin/python
	@echo "installing Ovenbird into .venv (a few seconds)"
	@$(BIN)/pip install --quiet --editable '.[reload]'
	@$(BIN)/python -m compileall -q wrapper builder console  # as an installed wheel is: a start then compiles nothing
	@touch $@

.venv/.examples: .venv/.runtime examples/world-cities/requirements.txt
	@echo "installing pandas, pyarrow and scikit-learn into .venv, for examples/world-cities (half a minute)"
	@$(BIN)/pip install --quiet --requirement examples/world-cities/requirements.txt
	@touch $@

.venv/.images: .venv/.runtime
	@echo "installing what building images needs into .venv (a few seconds)"
	@$(BIN)/pip install --quiet --editable '.[reload,build]'
	@touch $@

.venv/.dev: .venv/.runtime
	@echo "installing what the tests need into .venv (a minute)"
	@$(BIN)/pip install --quiet --editable '.[reload,platform,build,ui]' --group dev
	@touch $@

.PHONY: demo
demo: .venv/.examples $(if $(shell type buildah 2>/dev/null),.venv/.images) ## run the examples: services, jobs, what they made, an image
	$(call need,curl,curl)
	@examples/demo.sh

.venv/.ui: .venv/.runtime
	@echo "installing what the page needs into .venv (a few seconds)"
	@$(BIN)/pip install --quiet --editable '.[reload,ui]'
	@touch $@

.PHONY: ui
ui: .venv/.ui ## the page of what `make demo` has run, in a browser, until Ctrl-C; PORT=8081
	@cd examples && OVENBIRD_HOME="$${OVENBIRD_HOME:-$(CURDIR)/.cache/demo}" ../$(BIN)/ovenbird ui --port $(PORT)

.PHONY: serve
serve: .venv/.runtime ## serve TARGET (default: examples/greet) until Ctrl-C, reloading on change
	@$(BIN)/ovenbird serve $(TARGET) --reload

.PHONY: standins
standins: | .venv/bin/python
	$(call need,$(ENGINE),$(ENGINE) $(ENGINE_HELPERS))
	@$(BIN)/python -m tests.standins >/dev/null

.PHONY: test
test: .venv/.dev standins ## run every test
	$(call need,curl,curl)
	$(call need,git,git)
	$(call need,git-lfs,git-lfs)
	$(call need,zsh,zsh)
	$(call need,fish,fish)
	$(call need,pg_createcluster,postgresql)
	$(call need,chromium,chromium fonts-dejavu-core)
	@[ -n "$$KUBECONFIG" ] && [ -n "$$TEST_REGISTRY" ] || echo "tests on a Kubernetes cluster are left out: set KUBECONFIG and TEST_REGISTRY (CONTRIBUTING.md)"
	@echo "running the tests (20 to 30 minutes on 2 cores)"
	@$(PYTEST) $(ARGS)

.PHONY: quick
quick: .venv/.dev ## run the tests that are marked neither as container nor as slow
	@$(PYTEST) --quick $(ARGS)

.venv-fuzz/.fuzz: pyproject.toml | .venv/bin/python
	@echo "installing what fuzzing needs into .venv-fuzz (a minute)"
	@$(PYTHON) -m venv .venv-fuzz
	@.venv-fuzz/bin/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@.venv-fuzz/bin/pip install --quiet --editable '.[platform,build]' --group fuzz
	@touch $@

.PHONY: fuzz
fuzz: .venv-fuzz/.fuzz ## fuzz parsers, the HTTP port and bodies for SECONDS (600); ARGS="elf http" for some
	@.venv-fuzz/bin/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

.PHONY: lint
lint: .venv/.dev ## ruff, mypy, and vulture for dead code
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/vulture

.PHONY: format
format: .venv/.dev ## format the code and mend what ruff can mend
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

.PHONY: images
images: .venv/.images ## build the base images: VERSIONS="3.12", FLAGS="--registry HOST" or "--from REF"
	$(call need,buildah skopeo,buildah skopeo)
	@$(BIN)/ovenbird base build $(VERSIONS) --keep-going $(FLAGS)

.PHONY: wheel
wheel: .venv/bin/python ## build the wheel of Ovenbird into DIST (default: dist)
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir '$(DIST)' .
	@ls '$(DIST)'/ovenbird-*.whl

.PHONY: docs
docs: .venv/.runtime ## write the pages that are made from the code
	@$(BIN)/python docs/make_settings.py docs/settings.md
	@$(BIN)/python docs/make_build_settings.py docs/build-settings.md

# each lock by itself: two of them may pin a package at two versions
.PHONY: audit
audit: .venv/.dev ## look for known advisories in the locks and in the lowest versions (asks a service)
	@$(BIN)/uv pip compile --quiet --resolution lowest-direct --python-version 3.10 --generate-hashes --no-header \
		--extra reload --extra platform --extra build pyproject.toml --output-file .cache/lowest.txt
	@failed=; for lock in .cache/lowest.txt images/locks/*.txt; do echo "$$lock"; \
		$(BIN)/uv tool run --quiet --from 'pip-audit>=2.10' pip-audit --strict --disable-pip --progress-spinner off \
			--requirement "$$lock" $(ARGS) || failed=1; done; test -z "$$failed"

.PHONY: builder-lock
builder-lock: .venv/.dev ## pin what the builder's image needs (asks the package index)
	@echo 'hatchling>=1.24' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--upgrade --extra build pyproject.toml - --output-file .cache/builder.txt
	@{ echo "# What the builder's image needs, under Python 3.11 and later: \`make builder-lock\` writes it, by uv."; \
		cat .cache/builder.txt; } > images/locks/builder.txt

.PHONY: bench
bench: .venv/.examples .venv/.dev ## measure against peers (makes its own environments; half an hour); ARGS="--quick"
	$(call need,$(ENGINE),$(ENGINE) $(ENGINE_HELPERS))
	@$(BIN)/python benchmarks $(ARGS)

.PHONY: bench-compare
bench-compare: .venv/.examples .venv/.dev ## measure two commits in turn: A=REV B=REV (default: these files), ARGS="--quick"
	@test -n '$(A)' || { echo "which commits? make bench-compare A=REV B=REV"; exit 2; }
	@$(BIN)/python benchmarks/compare '$(A)' '$(or $(B),.)' $(ARGS)

.PHONY: clean
clean: ## remove what the other targets have made
	@rm -rf .venv .venv-fuzz .cache dist .mypy_cache .ruff_cache .pytest_cache
