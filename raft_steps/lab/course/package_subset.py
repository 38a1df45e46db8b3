"""The package of an edition: the laboratory, and the steps before the one that students write.

It contains neither the module of the step to be written nor those of later steps, and the checks only up to that step.
Code that asks for a missing step gets an error that explains it (`raft_steps.find_step`).
"""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, requires

import raft_steps
from raft_steps.lab.course.file_list import NAME, PACKAGE, EditionError, course_files, number_of, unlisted_files
from raft_steps.lab.files import read_text


def package_files(last: int) -> dict[str, bytes]:
    """Return the files of the package with the steps 1 to `last`, and the checks of the next step.

    Students check the step that they write, so the checks go one step further than the steps.

    Args:
        last: The last step in the package; 0 for none.

    Returns:
        The content of each file, by its path, which begins with ``raft_steps/``.

    Raises:
        EditionError: A file next to those of the course is named like a step, or one of them is missing.
    """
    numbers = {name: number_of(name) or 0 for name in course_files()}
    names = [name for name, number in numbers.items() if number <= last + ("checks/" in name)]
    return {f"raft_steps/{name}": (PACKAGE / name).read_bytes() for name in names}


def warn_of_unlisted_files() -> list[str]:
    """Return a warning for each file in the package that editions do not contain, because it is in no list."""
    return [
        f"raft_steps/{name} is not part of the course (git does not track it), so it is not handed out"
        for name in unlisted_files()
    ]


def project_file() -> str:
    """Return the pyproject.toml of an edition, with the course's dependencies and its command.

    Raises:
        EditionError: The course's dependencies are not known.
    """
    needed = "".join(f'    "{line}",\n' for line in requirements())
    return f"""# The dependencies of this edition of the course; environment.yml (conda, Binder) installs the same list.

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
raft-steps = "raft_steps.lab.cli:main"

[tool.hatch.build.targets.wheel]
packages = ["raft_steps"]
"""


def environment_file() -> str:
    """Return the environment.yml of an edition, for conda and Binder."""
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
    """Return the course's dependencies without extras, from its pyproject.toml or from its installed metadata.

    Raises:
        EditionError: Neither exists.
    """
    project = PACKAGE.parent / "pyproject.toml"
    if project.is_file():
        named: list[str] = tomllib.loads(read_text(project, "a project"))["project"]["dependencies"]
        return named
    try:
        return [line for line in requires(NAME) or [] if "extra ==" not in line]
    except PackageNotFoundError:
        raise EditionError(f"the dependencies of the course are not known: there is no {project}") from None


def licence() -> str:
    """Return the text of the licence, which is part of every copy.

    Raises:
        EditionError: The file is missing.
    """
    places = [PACKAGE.parent / "LICENSE", *PACKAGE.parent.glob("raft_steps-*.dist-info/licenses/LICENSE")]
    for place in places:
        if place.is_file():
            return read_text(place, "a licence")
    raise EditionError(f"the licence is missing: there is no {places[0]}")
