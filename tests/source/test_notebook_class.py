"""A learner's class from notebook cells is flattened, shown and compared as the steps are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.errors import SourceError
from raft_steps.lab.source.views import diff, show, whole
from tests.source.source_tools import Kernel, events, load

IMPORTS = """
from raft_steps import step_04_leader_election as step_04
from raft_steps import step_05_term_in_append_entries as step_05
from raft_steps.lab import Entry, message
from raft_steps.step_05_term_in_append_entries import AppendEntries
"""

# Step 6 as a learner may write it, with an exercise's marks, a constant, a helper, and a message by its module's name.
TURN = '''
@message
class AppendEntriesRefused:
    term: int


NEWER = 0  # how much newer a term must be


def is_older(term: int, than: int) -> bool:
    """Compare two terms."""
    return term + NEWER < than


class Node(step_05.Node):
    """Mine."""

    # How often I was refused.
    refusals: int = 0

    def on_append_entries(self, sender: str, message: step_05.AppendEntries) -> None:
        ### BEGIN SOLUTION
        if is_older(message.term, self.current_term):
            self.send(sender, AppendEntriesRefused(term=self.current_term))
        else:
            self.is_leader = False
            super().on_append_entries(sender, message)  # as before
        ### END SOLUTION

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        self.refusals += 1
        # That is all.
'''


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Return a kernel that has run the imports of a notebook."""
    kernel = Kernel()
    monkeypatch.setitem(sys.modules, kernel.module.__name__, kernel.module)
    kernel.run(IMPORTS)
    return kernel


def loaded(of_class: Any, tmp_path: Path) -> Any:
    """Return the Node of the module that `whole` returns for a class."""
    return load(whole(of_class).text, tmp_path / "whole_of_a_learner.py").Node


def test_a_cell_is_flattened_into_one_file(kernel: Kernel, tmp_path: Path) -> None:
    """The whole of a learner's class behaves as the class does, over 20 seeds."""
    kernel.run(TURN)

    alone = loaded(kernel["Node"], tmp_path)

    for seed in range(20):
        assert events(kernel["Node"], 6, seed) == events(alone, 6, seed)


def test_a_cell_is_flattened_as_it_was_written(kernel: Kernel) -> None:
    """Comments stay, an exercise's markers are removed, what the class needs is there, and super() is inlined."""
    kernel.run(TURN)
    text = whole(kernel["Node"]).text

    assert "Generated from steps 1 to 5 and your Node: change those" in text
    assert "    # How often I was refused.\n    refusals: int = 0\n" in text
    assert "        self.refusals += 1\n        # That is all.\n" in text
    assert "SOLUTION" not in text
    assert "step_05" not in text
    assert "message: AppendEntries) -> None:\n        if is_older" in text
    assert "            # as before\n            self.current_term = max(self.current_term, message.term)\n" in text
    places = [
        text.index(part) for part in ("class AppendEntriesRefused", "NEWER = 0  # how", "def is_older", "class Node(")
    ]
    assert sorted(places) == places


def test_a_message_of_an_earlier_cell_is_found(kernel: Kernel, tmp_path: Path) -> None:
    """A message that is redefined in a separate cell, even twice, replaces the step's."""
    cell = "@message\nclass AppendEntries:\n    {}term: int\n    prev_log_index: int\n    prev_log_term: int\n"
    cell += "    entries: tuple[Entry, ...]\n"
    methods = "\n".join(str(show(5, name)) for name in ("append_entries_after", "on_append_entries"))
    kernel.run(cell.format(""))
    kernel.run(cell.format("kind: str\n    "))
    kernel.run(cell.format(""))
    kernel.run("class Node(step_04.Node):\n" + "\n".join(f"    {line}".rstrip() for line in methods.split("\n")))

    assert "    term: int\n    prev_log_index: int\n" in str(show(kernel["Node"], "AppendEntries"))
    assert "kind" not in str(show(kernel["Node"], "AppendEntries"))
    assert diff(kernel["Node"], 5).names == ["AppendEntries"]
    assert events(5, 5, 1) == events(loaded(kernel["Node"], tmp_path), 5, 1)


def test_a_cell_is_compared_with_a_step(kernel: Kernel) -> None:
    """The difference to the step to be written shows what is missing."""
    kernel.run(TURN)
    found = diff(kernel["Node"], 6)

    assert {"on_append_entries", "become_follower", "refuse_append_entries"} <= set(found.names)
    assert str(found.only("become_follower")).startswith("become_follower is new from your Node to step 6\n")
    assert str(diff(5, kernel["Node"], "refusals")).startswith("refusals is new from step 5 to your Node\n")


def test_a_cell_is_shown(kernel: Kernel) -> None:
    """A method of the class is shown, an inherited one too, and without a name the class as it is in the cell."""
    kernel.run(TURN)

    assert str(show(kernel["Node"], "on_append_entries_refused")).endswith("self.refusals += 1\n    # That is all.")
    assert str(show(kernel["Node"], "become_leader")) == str(show(5, "become_leader"))
    assert show(kernel["Node"]).text.startswith('class Node(step_05.Node):\n    """Mine."""\n')
    assert "SOLUTION" not in show(kernel["Node"]).text


def test_classes_over_several_cells(kernel: Kernel, tmp_path: Path) -> None:
    """A node may grow from cell to cell, even by a class with only a variable."""
    kernel.run(TURN)
    kernel.run("class Hasty(Node):\n    election_timeout_range = (2, 3)\n")
    kernel.run("class Mine(Hasty):\n    def on_append_entries_refused(self, sender, message):\n        pass\n")
    text = whole(kernel["Mine"]).text

    assert "Generated from steps 1 to 5, your Node, your Hasty and your Mine: change" in text
    assert "    election_timeout_range = (2, 3)\n" in text
    assert "self.refusals += 1" not in text
    assert events(kernel["Mine"], 6, 3) == events(loaded(kernel["Mine"], tmp_path), 6, 3)


def test_a_cell_that_ran_again_after_a_change(kernel: Kernel) -> None:
    """The latest text of a cell counts, also when an older one has a class of the same name."""
    kernel.run(TURN)
    kernel.run(TURN.replace("self.refusals += 1", "self.refusals += 2").replace("NEWER = 0", "NEWER = 1"))

    assert "self.refusals += 2" in whole(kernel["Node"]).text
    assert "NEWER = 1" in whole(kernel["Node"]).text


def test_a_class_of_a_file(tmp_path: Path) -> None:
    """A class in a file is read from there."""
    found = load(f"{IMPORTS}\n{TURN}", tmp_path / "handed_in.py").Node

    assert str(show(found, "refusals")) == "# How often I was refused.\nrefusals: int = 0"
    assert events(found, 6, 5) == events(loaded(found, tmp_path), 6, 5)


def test_a_class_inside_a_function(tmp_path: Path) -> None:
    """A class in a function, whose methods use local names, is found, too."""
    most_asked = 3

    class Counting(node(8)):  # type: ignore[misc]
        asked: int = 0

        def on_client_request(self, client: str, request: object) -> None:
            """Count the requests, up to a limit."""
            self.asked = min(self.asked + 1, most_asked)
            super().on_client_request(client, request)

    assert "self.asked = min(self.asked + 1, most_asked)" in str(show(Counting, "on_client_request"))
    with pytest.raises(SourceError, match="your Counting uses most_asked, whose source cannot be found"):
        whole(Counting)


def test_a_step_that_is_used_ahead_of_time(kernel: Kernel, tmp_path: Path) -> None:
    """A message of a later step that a cell imports is included."""
    kernel.run("from raft_steps.step_06_term_checks import AppendEntriesRefused")
    kernel.run(TURN[TURN.index("NEWER") :])

    assert "The answer to a leader of an older term" in whole(kernel["Node"]).text
    assert loaded(kernel["Node"], tmp_path)


BODY = "class Node(step_05.Node):\n    def on_start(self):\n        "


@pytest.mark.parametrize(
    "cell, said",
    [
        (BODY + "x = super().on_start()", "super() is allowed once, as a statement of its own: super().on_start(…)"),
        (BODY + "super().become_leader()", "super() is allowed once"),
        (BODY + "super().on_start(1)", "super().on_start(1) does not pass the same arguments on"),
        (
            "class Node(step_05.Node):\n    def index_before(self, refused_index):\n        super().index_before(refused_index)",
            "the inherited index_before returns; write the whole method",
        ),
        (
            "class Node(step_05.Node):\n    def commit(self, client):\n        entry = 1\n        super().commit(client)",
            "the inherited method uses the name entry too",
        ),
    ],
)
def test_super_that_cannot_be_inlined(kernel: Kernel, cell: str, said: str) -> None:
    """whole() raises an error that says why; a single method is shown as it was written."""
    kernel.run(cell)
    name = next(name for name in ("on_start", "index_before", "commit") if f"def {name}" in cell)

    with pytest.raises(SourceError) as raised:
        whole(kernel["Node"])
    assert said in str(raised.value)
    assert "super()" in str(show(kernel["Node"], name))
    assert diff(5, kernel["Node"]).names == [name]


def test_super_of_the_laboratory_stays(kernel: Kernel) -> None:
    """A method of the laboratory's base class may be called in any way."""
    kernel.run("class Node(step_05.Node):\n    def peers(self):\n        return sorted(super().peers())")

    assert "return sorted(super().peers())" in whole(kernel["Node"]).text


def test_a_class_without_a_source(kernel: Kernel) -> None:
    """A class without a class statement, or with a method added later, is refused in a sentence."""
    kernel.run(TURN)
    made = type("Node", (node(5),), {"on_start": kernel["Node"].on_append_entries_refused})
    kernel["Node"].on_start = test_a_class_without_a_source

    with pytest.raises(SourceError, match="the source of Node cannot be found; write the whole class"):
        whole(made)
    with pytest.raises(SourceError, match="the methods of Node come from several places"):
        whole(kernel["Node"])


def test_a_class_with_two_bases(kernel: Kernel) -> None:
    """A chain has one base at a time."""
    kernel.run("class Mixin:\n    pass\n\n\nclass Node(Mixin, step_05.Node):\n    pass")

    with pytest.raises(SourceError, match="Node has several bases"):
        whole(kernel["Node"])


def test_a_text_over_several_lines_keeps_its_inside(kernel: Kernel) -> None:
    """Lines are indented with their method, but not the lines inside a string."""
    cell = 'class Node(step_05.Node):\n    def note(self):\n        return """a\n  b\n"""\n\n'
    kernel.run(cell + '    def why(self):\n        """One.\n\n        Two.\n        """')

    assert str(show(kernel["Node"], "note")) == 'def note(self):\n    return """a\n  b\n"""'
    assert '    def note(self):\n        return """a\n  b\n"""\n\n' in whole(kernel["Node"]).text
    assert str(show(kernel["Node"], "why")) == 'def why(self):\n    """One.\n\n    Two.\n    """'


@pytest.mark.parametrize(
    "earlier, body",
    [
        ('"""Only a docstring."""', "        pass\n"),
        ("self.asked = True", "        self.asked = True\n"),
    ],
    ids=["docstring", "statement"],
)
def test_short_methods_are_inlined(kernel: Kernel, earlier: str, body: str) -> None:
    """A method without statements becomes ``pass``, and one on the line of its def its statement; arguments may be named."""
    before = "    def greet(self, *, name):\n        super().greet(name=name)  # as before\n"
    kernel.run(f"class Base(step_05.Node):\n    def greet(self, *, name): {earlier}")
    kernel.run(f"class Node(Base):\n{before}")

    assert f"    def greet(self, *, name):\n        # as before\n{body}" in whole(kernel["Node"]).text


def test_field_of_the_parent_is_not_a_method(kernel: Kernel) -> None:
    """super() cannot be written out if the inherited name is a field."""
    kernel.run("class Node(step_05.Node):\n    def current_term(self):\n        super().current_term()")

    with pytest.raises(SourceError, match="current_term is not a method"):
        whole(kernel["Node"])


def test_two_modules_for_one_name_are_refused(kernel: Kernel) -> None:
    """A name that two classes of the chain import from different modules cannot be in one file."""
    kernel.run("from collections import Counter as Entry\n\n\nclass Node(step_05.Node):\n    kind = Entry")

    with pytest.raises(SourceError, match="imports Entry from collections, an earlier step from raft_steps"):
        whole(kernel["Node"])


def test_import_of_a_module_is_kept(kernel: Kernel, tmp_path: Path) -> None:
    """A module that is imported whole, also under another name, is imported in the file."""
    kernel.run("import math\nimport json as codec\n")
    kernel.run("class Node(step_05.Node):\n    def note(self):\n        return codec.dumps(math.pi)")

    assert "import json as codec\nimport math\n" in whole(kernel["Node"]).text
    assert loaded(kernel["Node"], tmp_path)
