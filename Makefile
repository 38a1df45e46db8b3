# Everything that a reader or a maintainer starts from here. Needs GNU make, Python >= 3.11 and its venv module.
#
#   make lab PY=python3.12      uses another Python
#   make lab ARGS="--port 9000" hands options on to the command behind the target

PY ?= python3
# Also on two cores: a browser's tests mostly wait for a frame.
WORKERS ?= 3
BIN := .venv/bin
READY := .venv/.ready

# Whatever the environment says, Python keeps what it has compiled: the tests start it some thousand times.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help lab test refresh bench
.DEFAULT_GOAL := help

help:
	@echo 'make lab      open the course in JupyterLab'
	@echo 'make test     run the linter, the type checker, all tests and all notebooks'
	@echo 'make refresh  run all notebooks again and store what they show'
	@echo 'make bench    measure the speed of simulator, checks and pictures'
	@echo 'The first of them installs what the course needs into .venv, which takes a minute or two.'

lab: $(READY)
	@$(BIN)/raft-steps lab $(ARGS)

# One file per worker at a time (loadfile): the cells of a notebook need one kernel, and in order.
test: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=60 notebooks

refresh: $(READY)
	$(BIN)/raft-steps refresh $(ARGS)

bench: $(READY)
	$(BIN)/python -m tests.bench.run $(ARGS)

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
