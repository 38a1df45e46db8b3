"""One list of packages, and everything that installs from it agrees: pip, conda, Binder, make and the wheel.

pyproject.toml is that list. Nothing here needs the network, conda or Docker: conda's grammar is parsed by its own
parser, and Binder's tool is asked what it would do.
"""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.project.course_files import files_of_the_course

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONDA_SPECS: list[str] = [entry for entry in ENVIRONMENT["dependencies"] if isinstance(entry, str)]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
EVERY_REQUIREMENT = [Requirement(line) for lines in (PROJECT["dependencies"], *EXTRAS.values()) for line in lines]
MAKE_REQUIREMENTS = [Requirement(line) for line in PROJECT["dependencies"] + EXTRAS["test"]]


def python_of_conda() -> str:
    """Return the version of Python that environment.yml asks for."""
    (spec,) = [spec for spec in CONDA_SPECS if spec.startswith("python=")]
    return spec.removeprefix("python=")


def extras_of_conda() -> list[str]:
    """Return the extras that environment.yml installs; its pip part is this project and nothing else."""
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    (line,) = pip
    match = re.fullmatch(r"-e \.\[([\w,]+)\]", line)

    assert match, f"environment.yml's pip part is {line!r}, not this project with its extras"
    return match[1].split(",")


def test_conda_python_is_one_of_ours() -> None:
    """The Python that conda installs is one that the package supports."""
    assert SpecifierSet(PROJECT["requires-python"]).contains(python_of_conda())


def test_conda_names_no_package_of_its_own() -> None:
    """environment.yml names Python and pip, and leaves every other package to pyproject.toml, so nothing can drift."""
    assert [f"python={python_of_conda()}", "pip"] == CONDA_SPECS
    assert set(extras_of_conda()) <= EXTRAS.keys()
    assert PROJECT["name"] == ENVIRONMENT["name"]


def test_conda_brings_what_the_course_is_read_and_tested_with() -> None:
    """environment.yml brings JupyterLab, ipywidgets, matplotlib, pytest and nbval."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras_of_conda() for line in EXTRAS[extra])]
    brought = {Requirement(line).name for line in lines}

    assert {"jupyterlab", "ipywidgets", "matplotlib", "pytest", "nbval"} <= brought


@pytest.mark.slow
def test_conda_understands_its_file() -> None:
    """Every line for conda is in conda's grammar, as its own parser reads it; a wrong one is refused."""
    rattler = pytest.importorskip("rattler", reason="py-rattler, with conda's grammar, is not installed")

    assert ["python", "pip"] == [rattler.MatchSpec(spec).name.normalized for spec in CONDA_SPECS]
    assert all(rattler.Channel(channel).name for channel in ENVIRONMENT["channels"])
    with pytest.raises(Exception, match="version"):
        rattler.MatchSpec("python>==3.11")


@pytest.mark.slow
def test_binder_picks_the_conda_file() -> None:
    """Binder's own tool builds from environment.yml, with our Python, and installs the package from its source."""
    pytest.importorskip("repo2docker", reason="jupyter-repo2docker is not installed, so Binder's choice is not tested")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert 0 == answer.returncode, answer.stderr
    assert f"conda environment for python={python_of_conda()}" in answer.stdout + answer.stderr
    assert '--file "environment.yml"' in answer.stdout + answer.stderr


@pytest.mark.parametrize("name", ["binder", ".binder", "requirements.txt", "setup.py", "Pipfile", "Dockerfile"])
def test_there_is_no_second_list(name: str) -> None:
    """Nothing else says what to install: Binder would take it instead, and it would be one more list to keep."""
    assert not (ROOT / name).exists()


@pytest.mark.parametrize("requirement", EVERY_REQUIREMENT, ids=str)
def test_dependency_has_a_lower_bound(requirement: Requirement) -> None:
    """Every dependency says from which version on it is known to work."""
    assert any(part.operator == ">=" for part in requirement.specifier)


def pins() -> dict[str, str]:
    """Return the exact versions of constraints.txt by name; every line of it must be one."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    parts = [line.split("==") for line in lines]

    assert all(len(part) == 2 for part in parts), "constraints.txt holds a line that is not name==version"
    return {canonicalize_name(name): version for name, version in parts}


@pytest.mark.parametrize("requirement", MAKE_REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_pin_is_within_the_bounds(requirement: Requirement) -> None:
    """The version that make installs is one that pyproject.toml allows."""
    pinned = pins()[canonicalize_name(requirement.name)]

    assert requirement.specifier.contains(pinned)


def test_pins_let_jupyter_start_quickly() -> None:
    """What takes a second at every start of a Jupyter program, for a check that none of them makes, is left out."""
    assert "rfc3987-syntax" not in pins()


@pytest.mark.parametrize(
    "target",
    [
        "lab",
        "test",
        "javascript",
        "refresh",
        "bench",
        "bench-servers",
        "coverage",
        "package",
        "release",
        "site",
        "site-serve",
        "help",
    ],
)
def test_make_has_the_target(target: str) -> None:
    """Every target that the course names exists, is not a file (tests and notebooks are folders), and is explained."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()

    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert target in phony
    assert "help" == target or f"make {target} " in makefile


@pytest.mark.slow
def test_wheel_holds_the_whole_package(tmp_path: Path) -> None:
    """The built wheel holds every module, every script, style and data file next to them, the notebooks, and no more."""
    pytest.importorskip("hatchling", reason="hatchling is not installed, so no wheel can be built without the network")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert 0 == answer.returncode, answer.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}

    files = [path.relative_to(ROOT).as_posix() for path in files_of_the_course()]
    package = {name for name in files if name.startswith("raft_steps/")}
    assert package | {f"raft_steps/{name}" for name in files if name.startswith("notebooks/")} == held
