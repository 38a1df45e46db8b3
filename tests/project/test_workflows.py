"""The workflows for continuous integration: they run what a maintainer runs, on every Python that is supported."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def jobs_of(path: Path) -> dict[str, Any]:
    """Return the jobs of a workflow."""
    jobs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return jobs


def test_every_python_on_linux_and_macos() -> None:
    """The tests run on each supported Python, on both kinds of systems, by the same script as anywhere else."""
    job = jobs_of(ROOT / ".github" / "workflows" / "test.yml")["test"]

    assert PYTHONS == job["strategy"]["matrix"]["python"]
    assert ["ubuntu-latest", "macos-latest"] == job["strategy"]["matrix"]["system"]
    assert "bash .ci/run" in [step.get("run") for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_runs_targets_that_exist(path: Path) -> None:
    """Every `make` of a workflow is a target of the Makefile, and every script is a file."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [step["run"] for job in jobs_of(path).values() for step in job["steps"] if "run" in step]

    assert lines
    for line in lines:
        match line.split():
            case ["make", target]:
                assert re.search(rf"^{target}:", makefile, re.MULTILINE)
            case ["bash", script]:
                assert (ROOT / script).is_file()
            case _:
                pytest.fail(f"{path.name} runs {line!r}; put it into the Makefile, so that anybody can run it")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_may_not_write(path: Path) -> None:
    """A workflow reads the repository, has a time limit, and names the version of each action."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))

    assert {"contents": "read"} == data["permissions"]
    for job in data["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert all(re.search(r"@v\d+$", step["uses"]) for step in job["steps"] if "uses" in step)
