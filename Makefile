# Everything that a reader or a maintainer starts from here. Needs GNU make, Python >= 3.11 and its venv module.
#
#   make lab PY=python3.12      uses another Python
#   make lab ARGS="--port 9000" hands options on to the command behind the target

PY ?= python3
# Also on two cores: a browser's tests mostly wait for a frame.
WORKERS ?= 3
BIN := .venv/bin
READY := .venv/.ready
# Sphinx has an environment of its own, so that the versions it needs never decide what the course runs with.
SITE := .venv-site
SITE_READY := $(SITE)/.ready
SITE_NPM := raft_steps/lab/course/site/npm
NPM := build/npm
PYODIDE := $(NPM)/node_modules/pyodide
EDITOR_JS := $(NPM)/editor.js
# What Python in JupyterLite needs, as wheels, and the course itself.
WHEELS := build/wheels
WHEELS_READY := $(WHEELS)/.ready
SITE_WHEELS := raft_steps/lab/course/site/lite/wheels.txt

# Whatever the environment says, Python keeps what it has compiled: the tests start it some thousand times.
unexport PYTHONDONTWRITEBYTECODE

# Where the tools that check the player's JavaScript are installed, and when that was done.
JS := tests/player/js
JS_READY := $(JS)/node_modules/.ready

.PHONY: help lab test javascript pyodide refresh bench bench-servers coverage package release site site-serve
.DEFAULT_GOAL := help

help:
	@echo 'make lab         open the course in JupyterLab'
	@echo 'make test        run the linters, the type checkers, all tests and all notebooks'
	@echo 'make javascript  run the linter and the type checker of the player alone'
	@echo 'make refresh     run all notebooks again and store what they show'
	@echo 'make bench       measure the speed of simulator, checks and pictures'
	@echo 'make bench-servers   measure real servers next to etcd and PySyncObj (Linux; needs redis-benchmark)'
	@echo 'make coverage    run all tests and list the lines that none of them runs'
	@echo 'make package     build wheel and source distribution, and try both'
	@echo 'make site        build the book of the course as a site of static files, in build/site'
	@echo 'make site-serve  show that site in a browser'
	@echo 'make release VERSION=0.4.0   prepare a release: version, date of the changes, both packages'
	@echo 'The first of them installs what the course needs into .venv, which takes a minute or two.'

lab: $(READY)
	@$(BIN)/raft-steps lab $(ARGS)

# One file per worker at a time (loadfile): the cells of a notebook need one kernel, and in order.
test: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@$(MAKE) --no-print-directory javascript pyodide
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=60 notebooks

# Without node, npm or a network everything else can still be tested, so what is missing is named and skipped. On a
# server of continuous integration (CI=true) a failed installation is an error: nobody reads warnings there.
javascript:
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
		echo 'WARNING: NO NODE OR NO NPM. The JavaScript of the player is NOT CHECKED. On Debian and Ubuntu: apt install nodejs npm'; \
	elif ! node -e 'process.exitCode = Number(parseInt(process.versions.node) < 18)'; then \
		echo "WARNING: NODE IS TOO OLD. The JavaScript of the player is NOT CHECKED: that needs node 18, and this is $$(node --version)"; \
	elif $(MAKE) -s $(JS_READY); then \
		cd $(JS) && npm run --silent lint && npm run --silent types; \
	elif [ "$$CI" = true ]; then \
		exit 1; \
	else \
		echo 'WARNING: THE TOOLS COULD NOT BE INSTALLED. The JavaScript of the player is NOT CHECKED. What npm says is above.'; \
	fi

$(JS_READY): $(JS)/package.json $(JS)/package-lock.json $(JS)/.npmrc
	@echo 'Installing what checks the JavaScript (npm ci).'
	@cd $(JS) && npm ci --loglevel=error
	@touch $@

refresh: $(READY)
	$(BIN)/raft-steps refresh $(ARGS)

bench: $(READY)
	$(BIN)/python -m tests.bench.run $(ARGS)

bench-servers: $(READY)
	$(BIN)/python -m tests.bench.servers $(ARGS)

# Processes that the tests start are measured, too (pyproject.toml, tool.coverage). The tests in a browser add nothing,
# and one test needs the whole stack of Python, of which measuring takes a part.
coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n $(WORKERS) --dist loadfile -m 'not browser' \
		--deselect tests/runtime/test_diagnostics.py::test_field_that_contains_itself_is_reported tests
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

package: $(READY)
	$(BIN)/python .ci/release.py

release: $(READY)
	@test -n "$(VERSION)" || { echo 'Which version? make release VERSION=0.4.0'; exit 2; }
	$(BIN)/python .ci/release.py --version $(VERSION)

# ARGS="--repository OWNER/NAME" adds links to Binder; a workflow of GitHub names its repository itself.
site: $(READY) $(SITE_READY) pyodide $(WHEELS_READY)
	@rm -f $(WHEELS)/raft_steps-*.whl
	@$(SITE)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(WHEELS) .
	$(BIN)/raft-steps site build/site --sphinx $(SITE)/bin/sphinx-build $(if $(wildcard $(PYODIDE)),--pyodide $(PYODIDE)) \
		$(if $(wildcard $(EDITOR_JS)),--editor $(EDITOR_JS)) --wheels $(WHEELS) \
		$(if $(GITHUB_REPOSITORY),--repository $(GITHUB_REPOSITORY)) $(ARGS)

site-serve:
	@test -f build/site/index.html || { echo 'There is no site yet. Run: make site'; exit 1; }
	@echo 'The site is at http://127.0.0.1:8765/ until you press Control-C.'
	@$(PY) -m http.server --bind 127.0.0.1 --directory build/site 8765

$(SITE_READY): pyproject.toml constraints-site.txt
	@echo 'Setting up $(SITE) with what makes the site.'
	@$(PY) -m venv --clear $(SITE)
	@$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-site.txt \
		$$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["site"])')
	@touch $@

$(WHEELS_READY): $(SITE_WHEELS) $(SITE_READY)
	@rm -rf $(WHEELS)
	@$(SITE)/bin/python -m pip download --quiet --disable-pip-version-check --only-binary :all: --platform any \
		--python-version 3.14 --implementation py --abi none --dest $(WHEELS) --requirement $(SITE_WHEELS)
	@touch $@

# Python for browsers, and the editor of the site's exercises. Without Python the site's runs only play, and the course is
# not tried in it; without the editor readers write in a plain text field.
pyodide:
	@if ! command -v npm >/dev/null; then \
		echo 'WARNING: NO NPM, SO NO PYODIDE. The course is NOT TRIED as in a browser. On Debian and Ubuntu: apt install nodejs npm'; \
	elif ! $(MAKE) -s $(EDITOR_JS); then \
		if [ "$$CI" = true ]; then exit 1; fi; \
		echo 'WARNING: PYODIDE COULD NOT BE INSTALLED. The course is NOT TRIED as in a browser. What npm says is above.'; \
	fi

$(EDITOR_JS): $(SITE_NPM)/package.json $(SITE_NPM)/package-lock.json $(SITE_NPM)/.npmrc $(SITE_NPM)/editor.mjs
	@echo 'Installing Python for browsers and the editor (npm ci).'
	@mkdir -p $(NPM)
	@cp $^ $(NPM)
	@cd $(NPM) && npm ci --ignore-scripts --loglevel=error && npm run --silent editor

# The mark of a finished set-up holds the folder that it was made for, because a virtual environment cannot be moved:
# its scripts name the folder. If the two differ, or the environment's Python is gone, the set-up starts from nothing.
MADE_FOR := $(shell $(BIN)/python -c 'print(open("$(READY)").read().strip())' 2>/dev/null)
ifneq ($(MADE_FOR),$(CURDIR))
.PHONY: $(READY)
endif

$(READY): pyproject.toml constraints.txt
	@command -v $(PY) >/dev/null || { echo 'There is no $(PY) here. Install Python 3.11 or newer, or name one: make PY=python3.12'; exit 1; }
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "The course needs Python 3.11 or newer, and $(PY) is $$($(PY) --version 2>&1). Name a newer one: make PY=python3.12"; exit 1; }
	@$(PY) -c 'import venv, ensurepip' 2>/dev/null || { echo 'The venv module of $(PY) is missing. On Debian and Ubuntu: apt install python3-venv'; exit 1; }
	@echo 'Setting up .venv with all that the course needs. The first time takes a minute or two.'
	@test "$(MADE_FOR)" = "$(CURDIR)" || $(PY) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@printf '%s\n' "$(CURDIR)" > $@
	@echo 'Done.'
