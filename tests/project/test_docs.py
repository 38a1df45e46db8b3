"""The README and docs: their picture is what the code draws, their links lead somewhere, their commands exist."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click
import pytest

from raft_steps import STEPS
from raft_steps.lab import Cluster
from raft_steps.lab.cli.command import main

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "a_leader_comes_back.svg"
SCENARIO = (
    "raft-steps 1; step 8; servers tom jerry spike; leader tom; draws tom 12; draws jerry 9; draws spike 14; "
    "at 6 set x 1; at 8 partition tom; at 22 set y new to jerry; at 24 heal; until 28"
)
NEXT_STEP = f"_{STEPS[-1].number + 1}"  # in the paths of a step that is still to be written
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))


def test_picture_is_what_the_code_draws() -> None:
    """The README's picture comes from a scenario; RAFT_STEPS_GOLDEN=1 draws it again."""
    title = "A leader is cut off, replaced, and comes back"
    drawn = Cluster.replay(SCENARIO).timeline(title=title).svg
    if os.environ.get("RAFT_STEPS_GOLDEN"):
        PICTURE.write_text(drawn, encoding="utf-8")

    assert PICTURE.read_text(encoding="utf-8") == drawn


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the repository finds it."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_in_backticks_exist(page: Path) -> None:
    """Every file of the package or the tests that a page names is there; a name with … stands for several."""
    if page.name == "CHANGELOG.md":
        pytest.skip("the changes name files of earlier versions, too")
    paths = re.findall(r"`((?:raft_steps|tests|notebooks|docs|\.github)/[\w./]+)`", page.read_text(encoding="utf-8"))

    assert [path for path in paths if "_NN" not in path and NEXT_STEP not in path and not (ROOT / path).exists()] == []


def test_maintainers_find_twenty_places() -> None:
    """The guide for maintainers answers at least twenty questions of where to change something."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("## To change X, go to Y")[2].partition("\n## ")[0]

    assert len(re.findall(r"^\| (?!to change|---)", table, re.MULTILINE)) >= 20


def test_every_command_of_the_readme_exists() -> None:
    """Each raft-steps command in the README is one of the program's."""
    named = set(re.findall(r"\.venv/bin/raft-steps ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))

    assert isinstance(main, click.Group)
    assert named
    assert named - set(main.commands) == set()


def test_exported_test_of_the_guide_passes() -> None:
    """The guide to the live cluster shows a test that was copied from it; it holds, to the last event."""
    text = (ROOT / "docs" / "live_cluster.md").read_text(encoding="utf-8")
    (exported,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "SCENARIO = " in block]
    names: dict[str, Any] = {}
    exec(exported, names)

    names["test_run_is_as_it_was"]()
