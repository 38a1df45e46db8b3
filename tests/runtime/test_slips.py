"""Slips of the pen are named when a check fails, with their line; and whose line of which cell an error shows."""

from __future__ import annotations

import linecache
from pathlib import Path
from typing import Any

import pytest

from raft_steps import STEPS, find_step, node, step
from raft_steps.lab.checks import check
from raft_steps.lab.course.starter import starter
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.runtime.slips import find_slips
from tests.checks import right_nodes
from tests.checks.check_tools import unwrapped
from tests.cli.test_commands import data
from tests.course.test_own_nodes import NOTEBOOKS

HEAD = """from raft_steps import step_{before:02}_{name} as before
from raft_steps.lab import Ok, Entry, message
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_05_term_in_append_entries import AppendEntries
from raft_steps.step_06_term_checks import AppendEntriesRefused


class Node(before.Node):
"""
# The step before, the method of a learner, and the beginning of the sentence that names the slip.
SLIPS: dict[str, tuple[int, str, str]] = {
    "method named, not called": (
        5,
        "def on_append_entries(self, sender, message):\n    self.start_election_timer",
        "on_append_entries names start_election_timer and does not call it; a call has brackets: self.start_election_timer(…)",
    ),
    "method for its result": (
        9,
        "def answer_request_vote(self, to, vote_granted):\n    self.send(to, (self.is_majority, vote_granted))",
        "answer_request_vote names is_majority and does not call it; a call has brackets: self.is_majority(…)",
    ),
    "arguments in each other's places": (
        5,
        "def on_append_entries(self, sender, message):\n    return self.store_entries(message.prev_log_term, message.prev_log_index)",
        "on_append_entries calls store_entries(…) with prev_log_term and prev_log_index in each other's places; it is store_",
    ),
    "end without a return": (
        9,
        "def is_majority(self, names):\n    if len(names) > 2:\n        return True",
        "is_majority returns a value in some cases, and None where it comes to its end without a return\n",
    ),
    "comparison for assignment": (
        6,
        "def become_follower(self):\n    self.is_leader == False\n    self.start_election_timer()",
        "become_follower compares, and nothing uses the result; to assign, write a single =",
    ),
    "other comparison": (
        6,
        "def become_follower(self):\n    self.current_term > 3",
        "become_follower compares, and nothing uses the result\n",
    ),
    "misspelled field": (
        6,
        "def become_follower(self):\n    self.isleader = False",
        "become_follower assigns to self.isleader, which is not a field; did you mean self.is_leader?",
    ),
    "undeclared field": (
        6,
        "def become_follower(self):\n    self.xyz = 3",
        "become_follower assigns to self.xyz, which is not a field; declare it in the class: xyz: int = 0",
    ),
    "local variable for a field": (
        7,
        "def start_election(self):\n    election_timeout = self.random.between(8, 18)\n    self.start_election_timer()",
        "start_election assigns to the local variable election_timeout; the field is self.election_timeout",
    ),
    "handler of no event": (
        6,
        "def on_restart(self):\n    self.start_election_timer()",
        "no event calls on_restart; after a restart, on_start is called",
    ),
    "misspelled handler": (
        6,
        "def on_append_entry(self, sender, message):\n    pass",
        "no event calls on_append_entry; did you mean on_append_entries?",
    ),
    "method of no use": (
        6,
        "def halve(self):\n    return 1",
        "nothing calls halve\n",
    ),
    "timer without a handler": (
        6,
        'def start_election_timer(self):\n    self.start_timer("elections", self.election_timeout)',
        "start_election_timer starts the timer 'elections', and there is no on_elections_timeout; there are on_election_",
    ),
    "message built and dropped": (
        5,
        "def on_append_entries(self, sender, message):\n    AppendEntriesRefused(term=self.current_term)",
        "on_append_entries builds AppendEntriesRefused(…) and does nothing with it; to send it: self.send(to, …)",
    ),
    "message returned to nobody": (
        6,
        "def refuse_append_entries(self, to):\n    return AppendEntriesRefused(term=self.current_term)",
        "refuse_append_entries returns AppendEntriesRefused(…), and what calls it does nothing with it; to send it:",
    ),
    "answer returned to nobody": (
        1,
        "def write(self, client, command):\n    return Ok()",
        "write returns Ok(…), and what calls it does nothing with it; to answer: self.reply(client, …)",
    ),
    "result dropped": (
        2,
        "def on_append_entries_reply(self, sender, message):\n    self.append_entries_after(message.prev_log_index)",
        "on_append_entries_reply calls append_entries_after(…), and does nothing with what it returns\n",
    ),
    "print": (
        6,
        'def refuse_append_entries(self, to):\n    print("refused", to)',
        "refuse_append_entries prints, which no other server sees; a Node acts by self.send, self.broadcast or self.reply",
    ),
}  # fmt: skip


def written(folder: Path, before: int, method: str) -> type:
    """Load a Node with one method from a file, as a learner would have written it."""
    text = HEAD.format(before=before, name=find_step(before).name)
    path = folder / "my_raft.py"
    path.write_text(text + "".join(f"    {line}\n" for line in method.split("\n")), encoding="utf-8")
    return load_node(str(path))


@pytest.mark.parametrize("name", SLIPS)
def test_slip_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    """Each slip is named once, with the line that it is in."""
    before, method, words = SLIPS[name]
    (slip,) = find_slips(written(tmp_path, before, method))

    assert f"{slip}\n".startswith(words)
    assert slip.split("\n  ")[1] in [line.strip() for line in method.split("\n")]


def test_slips_are_shown_under_the_failures(tmp_path: Path) -> None:
    """A report has them once, under its list; so has the HTML, and the JSON of the command line."""
    found = written(tmp_path, 5, SLIPS["method named, not called"][1])
    report = check(found, 6)
    line = "    - on_append_entries names start_election_timer and does not call it; a call has brackets:"

    assert str(report).count(line) == 1
    assert str(report).endswith("\n          self.start_election_timer")
    assert "Look at these lines, too:<ul><li>on_append_entries names" in report._repr_mimebundle_()["text/html"]
    assert report.slips == data("check", "6", "--node", str(tmp_path / "my_raft.py"), status=1)["slips"]


def test_function_where_one_is_wanted_is_no_slip(tmp_path: Path) -> None:
    """A method may be given to sorted and its like, and a method may return in every case without a last return."""
    method = (
        "def is_majority(self, names):\n"
        "    for name in sorted(names, key=self.names_of):\n        self.votes |= set(map(self.names_of, [name]))\n"
        "    if names:\n        return True\n    else:\n        raise ValueError(names)\n\n"
        "def names_of(self, name):\n    return name"
    )

    assert [] == find_slips(written(tmp_path, 9, method))


def test_passing_node_hears_nothing(tmp_path: Path) -> None:
    """A Node that passes may have what looks like a slip."""
    found = written(tmp_path, 6, "def halve(self):\n    return 1")

    assert find_slips(found)
    assert "Look at" not in str(check(found, 6))


@pytest.mark.parametrize("number", [entry.number for entry in STEPS])
def test_nothing_right_looks_like_a_slip(number: int, tmp_path: Path) -> None:
    """The course's Nodes, those in the notebooks with the classes that are given, and what `start` prints have none."""
    (tmp_path / "my_raft.py").write_text(starter(number), encoding="utf-8")

    assert [] == find_slips(node(number))
    assert [] == find_slips(load_node(str(NOTEBOOKS / find_step(number).notebook_name)))
    assert [] == find_slips(load_node(str(tmp_path / "my_raft.py")))


def test_other_right_nodes_have_no_slips() -> None:
    """Nor have Nodes that do right in another way than the course."""
    others = [each for each in vars(right_nodes).values() if isinstance(each, type) and hasattr(each, "effects")]

    assert [] == [slip for each in others for slip in find_slips(each)]


# Whose line an error shows.


def in_cells(*sources: str) -> dict[str, Any]:
    """Run cells as a notebook's kernel does, with their text in linecache and no file."""
    space: dict[str, Any] = {"step_01": step(1)}
    for number, source in enumerate(sources):
        name = f"<ipython-input-{number}-of-a-test>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec", dont_inherit=True), space)
    return space


def test_given_cell_is_not_the_learners() -> None:
    """The learner's line is the one in the class that is checked; it led to a line in the cell of another class."""
    store = "class Store(step_01.Node):\n    def look_up(self, entry):\n        return entry.command\n"
    own = "class Node(Store):\n    def write(self, client, command):\n        self.look_up(command)\n"
    report = unwrapped(str(check(in_cells(store, own)["Node"], 1)))

    assert (
        "your cell, line 3: self.look_up(command), which led to the cell of Store, line 3: return entry.command"
        in report
    )


def test_class_in_several_cells_is_named() -> None:
    """If the class that is checked has no line of its own, the line is in the cell of the class that has."""
    given = "class Voter(step_01.Node):\n    def write(self, client, command):\n        self.nothing\n"
    report = unwrapped(str(check(in_cells(given, "class Node(Voter):\n    pass\n")["Node"], 1)))

    assert "the cell of Voter, line 3: self.nothing" in report
    assert "your cell" not in report
