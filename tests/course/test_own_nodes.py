"""The Nodes of a learner's own notebooks: `mine(6)`, alone and as the base of the next step."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from raft_steps import STEPS, find_step, node
from raft_steps.lab import Cluster, check, diff, mine
from raft_steps.lab.checks.own_steps import rebuilt
from raft_steps.lab.course.learner_edition import bring_up_to_date
from raft_steps.lab.course.notebooks import format_notebook, load
from raft_steps.lab.errors import NodeLoadError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.launching import step_of_class
from raft_steps.lab.runtime.loading import load_node
from tests.checks.check_tools import unwrapped

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
Edit = Callable[[str], str]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Work in a learner's edition, and return a function that solves the notebook of a step in it."""
    folder = tmp_path / "my_course"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def solve(step: int, edit: Edit = str, *, on_own: bool = False) -> Path:
        path = folder / find_step(step).notebook_name
        path.write_text(solved(step, edit, on_own=on_own), encoding="utf-8")
        return path

    return solve


def solved(step: int, edit: Edit = str, *, on_own: bool = False) -> str:
    """Return a notebook with its solution, as a learner might have written it.

    Args:
        step: The step.
        edit: Changes the source of a code cell.
        on_own: Whether it is built on the learner's own step before.
    """
    notebook = load(NOTEBOOKS / find_step(step).notebook_name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    base = re.compile(rf"^(class \w+\()step_{step - 1:02}\.Node\)", re.MULTILINE)
    if on_own:
        for cell in [cell for cell in code if base.search(cell.source)]:
            cell.source = "from raft_steps.lab import mine\n\n" + base.sub(rf"\1mine({step - 1}))", cell.source)
    for cell in code:
        cell.source = edit(cell.source)
    return format_notebook(notebook)


def without_candidacy(source: str) -> str:
    """Write step 6 so that a server that follows remains a candidate, which no check of step 6 could miss."""
    return source.replace("        self.is_candidate = False\n", "")


def says(step: int) -> str:
    """Return what `mine` complains about."""
    with pytest.raises(NodeLoadError) as error:
        mine(step)
    return str(error.value)


def test_own_node_stands_where_a_steps_node_does(own: Callable[..., Path]) -> None:
    """It passes its checks, runs in a cluster, is compared with the course's, and counts as its step."""
    own(6)
    found: Any = mine(6)
    cluster = Cluster(found, leader="tom")
    cluster.run(5)

    assert found is mine(6)
    assert 6 == step_of_class(found)
    assert check(found, 6).passed
    assert ["tom"] == cluster.leaders
    assert "nothing changes from step 6 to your Node" == str(diff(6, found))
    assert "become_follower is new from step 5" in str(diff(5, found))


def test_own_node_is_found_from_the_folders_around(own: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook of the full course, next to my_course, and a script above it find it, too."""
    path = own(1)
    (path.parents[1] / "notebooks").mkdir()
    for folder in (path.parents[1], path.parents[1] / "notebooks"):
        monkeypatch.chdir(folder)
        assert check(mine(1), 1).passed


@pytest.mark.slow
def test_whole_course_on_own_steps(own: Callable[..., Path]) -> None:
    """Each notebook can be built on the learner's own Node of the step before, from the first to the last."""
    for entry in STEPS:
        own(entry.number, on_own=entry.number > 1)
    last: Any = mine(STEPS[-1].number)

    assert not [each for each in last.__mro__ if each.__module__.startswith("raft_steps.step_")]
    assert STEPS[-1].number == step_of_class(last)


@pytest.mark.parametrize("number", [entry.number for entry in STEPS])
def test_notebook_says_how_to_go_on(number: int) -> None:
    """Before its check, a notebook explains that the next step builds on the course's Node, and how to use your own."""
    notebook = load(NOTEBOOKS / find_step(number).notebook_name)
    place = next(place for place, cell in enumerate(notebook.cells) if f"check(Node, step={number})" in cell.source)
    before = "\n".join(cell.source for cell in notebook.cells[:place] if cell.cell_type == "markdown")

    assert f"`diff({number}, Node)` shows where the course's Node and yours differ." in before
    assert "builds on the course's Node" in before
    assert f"mine({number})" in before


def test_changed_notebook_is_read_again(own: Callable[..., Path]) -> None:
    """What counts is the file as it was last saved, also that of a step below."""
    own(6)
    own(7, on_own=True)
    first = mine(7)
    own(6, lambda source: source.replace("self.is_leader = False", "self.is_leader = not True"))

    assert first is not mine(7)


def test_missing_notebook_is_an_error(own: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which file is missing, and how to get it."""
    own(5).unlink()

    assert f"there is no {find_step(5).notebook_name} here, and no folder my_course; raft-steps lab" in says(5)
    bring_up_to_date(NOTEBOOKS, Path.cwd())
    (Path.cwd() / find_step(5).notebook_name).unlink()
    assert f"there is no {find_step(5).notebook_name} in my_course; raft-steps lab puts it there" in says(5)
    assert "there is no step 99" in says(99)


def test_notebook_that_was_not_saved_is_an_error(own: Callable[..., Path], tmp_path: Path) -> None:
    """A file with the task still in it means: not written, or not saved."""
    bring_up_to_date(NOTEBOOKS, Path.cwd())

    assert "step 6 is not written yet in 06_term_checks.ipynb, as the file is; if you have written it, save" in says(6)


def test_node_that_does_not_pass_is_an_error(own: Callable[..., Path]) -> None:
    """The error counts the checks that fail, and names the first."""
    own(6, without_candidacy)

    assert re.search(
        r"the Node in 06_term_checks.ipynb, as it was saved, fails \d of the 10 checks of step 6; the first", says(6)
    )


def test_broken_notebook_is_an_error(own: Callable[..., Path]) -> None:
    """A syntax error is told with its cell and line, and so is a file that is not a notebook."""
    path = own(6, lambda source: source.replace("def become_follower(self)", "def become_follower(self"))

    assert "code cell 9, line 14 is not valid Python: invalid syntax" == says(6)
    path.write_text("{", encoding="utf-8")
    assert "06_term_checks.ipynb is not a notebook: it may be cut off" in says(6)


def test_notebook_that_is_its_own_base_is_an_error(own: Callable[..., Path]) -> None:
    """In notebook 07, mine(7) would never end."""
    own(7, lambda source: source.replace("step_06.Node)", "mine(7))").replace("import Cluster", "import mine, Cluster"))

    assert "uses mine(7), which is its own Node" in says(7)


def test_line_of_a_saved_cell_is_named(own: Callable[..., Path]) -> None:
    """An error in a Node that was loaded from a file names notebook, cell and line."""
    path = own(6, lambda source: source.replace("self.is_leader = False", "self.is_laeder"))

    report = unwrapped(str(check(load_node(str(path)), 6)))
    assert "did you mean 'is_leader'? 06_term_checks.ipynb, code cell 9, line 17: self.is_laeder" in report


def test_slip_in_an_earlier_own_step_is_named(own: Callable[..., Path]) -> None:
    """A right step 7 fails on a step 6 whose method has another name: the report names step 6 as the reason."""
    own(6, lambda source: source.replace("become_follower", "follow"))
    path = own(7, on_own=True)

    failed = [result for result in check(load_node(str(path)), 7).results if not result.passed]
    assert failed
    assert {6} == {result.own_step for result in failed}
    assert "Your own step 6 is the reason: on the course's step 6, what you wrote here passes" in str(failed[0])
    assert "because of your own step 6" in says(7)


def test_slip_of_this_step_is_not_blamed_on_an_earlier_one(own: Callable[..., Path]) -> None:
    """A Node without step 7, on a right step 6 of your own, fails by itself."""
    own(6)

    base: Any = mine(6)

    class Node(base):
        pass

    failed = [result for result in check(Node, 7).results if not result.passed]
    assert failed
    assert all(result.own_step is None for result in failed)


def test_copy_of_a_class_behaves_as_the_class(own: Callable[..., Path]) -> None:
    """A class that is rebuilt on another base keeps its fields, class variables and uses of super()."""
    own(4)
    base: Any = mine(4)

    class Node(base):
        seen: list[str] = field(default_factory=list)
        limit: ClassVar[int] = 3

        def on_start(self) -> None:
            self.seen.append("start")
            super().on_start()

    copy: Any = rebuilt(Node, base, node(4))
    found = copy(name="tom", servers=("tom",), random=RandomStream(0, "tom"))
    found.on_start()

    assert (["start"], 3) == (found.seen, copy.limit)
    assert issubclass(copy, node(4))
    assert base not in copy.__mro__
    assert found.effects
