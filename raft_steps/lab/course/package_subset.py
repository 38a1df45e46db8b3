"""The package of an edition: the laboratory, and the steps that whoever gets it has behind them.

A step that is to be written is not in it in any form: neither its module nor those of later steps, and of the checks
only those up to the step at hand. What is asked for and not there is answered with a sentence (`raft_steps.find_step`).
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import raft_steps
from raft_steps.lab.errors import LabError

PACKAGE = Path(raft_steps.__file__).parent
STEP_FILE = re.compile(r"step_(\d\d)\w*\.py")
NAME = "raft-steps"


class EditionError(LabError):
    """An edition cannot be made; the message says what is missing."""


def package_files(last: int) -> dict[str, bytes]:
    """Give the files of the package with the steps 1 to `last`, and the checks of the one after them.

    Args:
        last: The last step whose solution is in the package; 0 for none.

    Returns:
        What each file holds, by its path, which begins with ``raft_steps/``.
    """
    files = {}
    for path in sorted(PACKAGE.rglob("*")):
        inside = path.relative_to(PACKAGE)
        if path.is_file() and "__pycache__" not in inside.parts and _belongs(inside, last):
            files[f"raft_steps/{inside.as_posix()}"] = path.read_bytes()
    return files


def _belongs(path: Path, last: int) -> bool:
    """Tell whether a file of the package belongs to the edition: all but what is of a later step."""
    found = STEP_FILE.fullmatch(path.name)
    return found is None or int(found[1]) <= last + ("checks" in path.parts)


def project_file() -> str:
    """Write the pyproject.toml of an edition: what it needs, as the course says it, and the command.

    Raises:
        EditionError: What the course needs is said nowhere.
    """
    needed = "".join(f'    "{line}",\n' for line in requirements())
    return f"""# What this edition of the course needs; environment.yml (conda, Binder) installs this very list.

[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "{NAME}"
version = "{raft_steps.__version__}"
description = "An edition of the course for students."
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE"]
dependencies = [
{needed}]

[project.scripts]
raft-steps = "raft_steps.lab.cli.main:main"

[tool.hatch.build.targets.wheel]
packages = ["raft_steps"]
"""


def environment_file() -> str:
    """Write the environment.yml of an edition, for conda and Binder."""
    return f"""# For conda and for Binder:  conda env create --file environment.yml && conda activate {NAME}
name: {NAME}
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - pip:
      - -e .
"""


def requirements() -> list[str]:
    """List what the course needs, without its extras: by its pyproject.toml, or else as it was installed.

    Raises:
        EditionError: Neither is there.
    """
    project = PACKAGE.parent / "pyproject.toml"
    if project.is_file():
        named: list[str] = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
        return named
    try:
        return [line for line in requires(NAME) or [] if "extra ==" not in line]
    except PackageNotFoundError:
        raise EditionError(f"nothing says what the course needs: there is no {project}") from None


def licence() -> str:
    """Give the licence's text, which goes with every copy.

    Raises:
        EditionError: It is not there.
    """
    places = [PACKAGE.parent / "LICENSE", *PACKAGE.parent.glob("raft_steps-*.dist-info/licenses/LICENSE")]
    for place in places:
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise EditionError(f"the licence is missing: there is no {places[0]}")
