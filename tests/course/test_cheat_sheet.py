"""The sheet of a step: Figure 2 as built so far, what the classes can do, and the words."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

from raft_steps import STEPS, node
from raft_steps.lab import Cluster, Log, cheat_sheet
from raft_steps.lab.course.cheat_sheet import CheatSheet, SheetLine
from raft_steps.lab.course.glossary import GLOSSARY
from raft_steps.lab.errors import SourceError
from tests.cli.test_commands import complaint, printed


def section(sheet: CheatSheet, heading: str) -> dict[str, SheetLine]:
    """Return the lines of a section, by what comes before any bracket."""
    (found,) = [each for each in sheet.sections if each.heading.startswith(heading)]
    return {line.code.partition("(")[0]: line for line in found.lines}


@pytest.mark.parametrize("number", [entry.number for entry in STEPS])
def test_every_field_and_method_is_on_the_sheet(number: int) -> None:
    """Figure 2 has exactly the fields of the step's Node, its durable ones on disk, and all methods that steps define."""
    found, sheet = node(number), cheat_sheet(number)
    fields = section(sheet, "State on disk") | section(sheet, "State in memory")
    listed = section(sheet, "What a server does") | section(sheet, "What it uses")
    steps = [each for each in found.__mro__ if each.__module__.startswith("raft_steps.step_")]
    written = {name for each in steps for name in vars(each) if inspect.isfunction(getattr(found, name))}

    assert set(found.durable) == set(section(sheet, "State on disk"))
    assert {each.name for each in dataclasses.fields(found)} - {"name", "servers", "random", "effects"} == set(fields)
    assert {name for name in written if not name.startswith("__")} == set(listed)
    assert all(line.meaning for each in sheet.sections for line in each.lines)


def test_sheet_grows_with_the_steps() -> None:
    """A line has the steps that wrote it; what a step removes is gone, and what becomes durable moves to the disk."""
    six, nine, twelve = cheat_sheet(6), cheat_sheet(9), cheat_sheet(12)

    assert ("2", "5") == section(six, "Messages")["AppendEntries"].written_in
    assert ("6",) == section(six, "Messages")["AppendEntriesRefused"].written_in
    assert ("2", "4", "5", "6") == section(six, "What a server does")["on_append_entries"].written_in
    assert "is_candidate" in section(six, "State in memory")
    assert "is_candidate" not in section(nine, "State in memory")
    assert {"log", "current_term", "voted_for"} == set(section(twelve, "State on disk"))
    assert "AppendEntries(term, prev_log_index, prev_log_term, entries)" in str(six)


def test_steps_are_links() -> None:
    """In a notebook, each step is a link to its notebook, and the text is escaped."""
    shown = cheat_sheet(6)._repr_mimebundle_()

    assert '<a href="05_term_in_append_entries.ipynb">5</a>' in shown["text/html"]
    assert "tom&gt;jerry#7" in shown["text/html"]
    assert str(cheat_sheet(6)) == shown["text/plain"]


def test_classes_of_the_laboratory_are_told_from_themselves() -> None:
    """Every public method of Log and Cluster has its line, with its parameters."""
    sheet = cheat_sheet(2)
    log, cluster = section(sheet, "What a Log"), section(sheet, "What a Cluster")

    assert {f"log.{name}" for name in vars(Log) if not name.startswith("_")} - {"log.changes"} <= set(log)
    names = {name for name in vars(Cluster) if not name.startswith("_")}
    assert names == {re.sub(r"^(cluster|Cluster)\.", "", name) for name in cluster}
    assert "log.last_term" in str(sheet)
    assert "self.peers()" in str(sheet)
    assert "Entry(index, term, command)" in str(sheet)


def test_words_come_with_their_step() -> None:
    """Each word is defined once, in the order of the steps, and is on the sheets from its step on."""
    names = [word.name for word in GLOSSARY]

    assert len(set(names)) == len(names)
    assert sorted(word.step for word in GLOSSARY) == [word.step for word in GLOSSARY]
    assert "vote" in section(cheat_sheet(4), "Words")
    assert "vote" not in section(cheat_sheet(3), "Words")
    assert set(names) == set(section(cheat_sheet(STEPS[-1].number), "Words"))


def test_own_class_has_a_sheet() -> None:
    """The lines of your own class are marked as yours."""

    class Node(node(6)):  # type: ignore[misc]  # Known only when it runs.
        def become_leader(self) -> None:
            """Lead at once."""

        def on_heartbeat_timeout(self) -> None:
            """Send nothing."""

    line = section(cheat_sheet(Node), "What it uses")["become_leader"]
    assert ("Lead at once", ("2", "4", "yours")) == (line.meaning, line.written_in)


def test_command_prints_the_sheet() -> None:
    """On the command line it is text; an unknown step is an error."""
    assert printed("cheat-sheet", "6").startswith("step 6: what there is\n\nState on disk\n  log  Log  step 1\n")
    assert "there is no step 99" in complaint("cheat-sheet", "99")
    with pytest.raises(SourceError, match="not 'six'"):
        cheat_sheet("six")  # type: ignore[arg-type]
