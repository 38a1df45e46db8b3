"""How far a learner is: which of the saved Nodes pass, and what comes next."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from raft_steps import STEPS, find_step
from raft_steps.lab import progress
from raft_steps.lab.course.learner_edition import bring_up_to_date
from raft_steps.lab.course.notebooks import format_notebook, load
from raft_steps.lab.errors import NodeLoadError
from tests.cli.test_commands import data, printed
from tests.course.test_own_nodes import NOTEBOOKS, solved, without_candidacy


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a learner's edition, once for all tests, which copy it."""
    folder = tmp_path_factory.mktemp("course") / "my_course"
    bring_up_to_date(NOTEBOOKS, folder)
    return folder


@pytest.fixture
def own(handed_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the learner's edition."""
    shutil.copytree(handed_out, tmp_path / "my_course")
    monkeypatch.chdir(tmp_path / "my_course")
    return tmp_path / "my_course"


def write(folder: Path, step: int, text: str) -> None:
    """Save the notebook of a step."""
    (folder / find_step(step).notebook_name).write_text(text, encoding="utf-8")


def test_nothing_is_begun(own: Path) -> None:
    """In a new edition no step is begun, and step 1 is next; nothing is checked, so this takes no time."""
    found = progress()

    assert {"not begun"} == {each.state for each in found.steps}
    assert len(STEPS) == len(found.steps)
    assert {0} == {each.checks for each in found.steps}
    assert str(found).startswith(f"my_course: 0 of {len(STEPS)} steps pass\n  --  1   one server that remembers")
    assert str(found).endswith("Next: step 1, in 01_key_value_store.ipynb.")


def test_each_state_is_told(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that pass, fail, cannot be loaded, are opened and saved without a change, or are gone."""
    write(own, 1, solved(1))
    write(own, 2, solved(2))
    write(own, 6, solved(6, without_candidacy))
    write(own, 7, "{")
    untouched = load(own / find_step(8).notebook_name)
    untouched.metadata["language_info"] = {"name": "python", "version": "3.13"}
    write(own, 8, format_notebook(untouched))
    (own / find_step(5).notebook_name).unlink()
    monkeypatch.chdir(own.parent)
    told = printed("progress")
    found = data("progress")
    states = {each["step"]: each["state"] for each in found["steps"]}

    assert ["passes", "passes", "not begun"] == [states[1], states[2], states[3]]
    assert ["no notebook", "fails", "cannot be loaded", "not begun"] == [states[5], states[6], states[7], states[8]]
    assert 3 == found["next"]
    assert "ok    2   a leader copies its log" in told
    assert "FAIL  6   an older term is refused" in told
    assert "of 10 checks pass" in told
    assert "06_term_checks" not in told


def test_next_step_says_what_is_wrong(own: Path) -> None:
    """The last line names the notebook and the first check that fails; the table is shown in a notebook, too."""
    write(own, 1, solved(1, lambda source: source.replace("self.replay_log()", "pass")))
    found = progress()
    shown = found._repr_mimebundle_()

    assert "Next: step 1, in 01_key_value_store.ipynb. The first check that fails: a restart" in str(found)
    assert str(found) == shown["text/plain"]
    assert "<table><caption" in shown["text/html"]


def test_without_notebooks_there_is_no_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says how to get them."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(NodeLoadError, match="there is no folder my_course here; raft-steps lab makes one"):
        progress()
