"""What is extracted from a submission: the Node and what it needs, without statements that have only an effect."""

import ast
import json
from pathlib import Path

import pytest

from raft_steps.lab.grading.limits import import_refusal
from raft_steps.lab.grading.source_policy import complaints, extract_submission, statement_refusal
from raft_steps.lab.source.extraction import TEXT_MAX, ExtractedNode, SubmissionError
from tests.grading.submissions import step_06


def extracted_from(tmp_path: Path, text: str, name: str = "ann.py") -> ExtractedNode:
    """Extract the Node from a text."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return extract_submission(path)


def test_only_what_the_node_needs_is_kept(tmp_path: Path) -> None:
    """Functions, constants and messages that it uses are kept on their lines, and the rest is blank."""
    text = "import json\nLIMIT = 3\nOTHER = json\nprint(LIMIT)\n\ndef few():\n    return LIMIT\n\nclass Node:\n    x = few()\n"

    kept = extracted_from(tmp_path, text).cells[0].kept.splitlines()

    assert ["", "LIMIT = 3", "", "", "", "def few():", "    return LIMIT", "", "class Node:", "    x = few()"] == kept


def test_what_is_changed_later_is_kept_too(tmp_path: Path) -> None:
    """A method that is added to the class later belongs to the Node; an attribute of another object does not."""
    text = "class Node:\n    pass\ndef hear(self): ...\nNode.on_start = hear\nother.x = Node\n"

    assert "Node.on_start = hear" in extracted_from(tmp_path, text).text
    assert "other.x" not in extracted_from(tmp_path, text).text


def test_import_that_is_not_allowed_is_left_out_with_a_remark(tmp_path: Path) -> None:
    """The remark names the line."""
    extracted = extracted_from(tmp_path, "import os\n\nclass Node:\n    here = os.getcwd()\n")

    assert "import os" not in extracted.text
    assert len(extracted.remarks) == 1
    assert "line 1" in extracted.remarks[0]


def test_imported_names_are_kept_one_by_one(tmp_path: Path) -> None:
    """Only the names of an import that are needed stay: a Node cannot use check and Cluster."""
    text = "from raft_steps.lab import Cluster, check, message\n\n@message\nclass M:\n    x: int\n\nclass Node:\n    m = M\n"

    extracted = extracted_from(tmp_path, text)

    assert "from raft_steps.lab import message" == extracted.text.splitlines()[0]
    assert [] == extracted.remarks


@pytest.mark.parametrize(
    "line",
    [
        "x.__globals__",
        "x.__class__",
        "().__class__.__base__.__subclasses__()",
        "__builtins__",
        "__loader__",
        "global __loader__",
        "x.__private",
        "x.gi_frame",
        "x.f_back",
        "typing.sys",
        "dataclasses.inspect",
        "x.tb_frame",
        "random._os",
        "typing.operator",
        "match x:\n    case object(__globals__=g): pass",
    ],
)
def test_doors_to_the_interpreter_are_closed(line: str) -> None:
    """Names through which Python code reaches the interpreter are refused, with their line."""
    assert [f"line {1 + line.count(chr(10))}"] == [each.partition(":")[0] for each in complaints(line)][:1]


@pytest.mark.parametrize("line", ["self.log.entries_after(3)", "x.__name__", "def __eq__(self, other): ...", "x._own"])
def test_plain_code_is_no_complaint(line: str) -> None:
    """Ordinary code of a Node passes."""
    assert [] == list(complaints(line))


def test_right_submission_is_no_complaint() -> None:
    """The solution itself passes."""
    assert [] == list(complaints(step_06.RIGHT))


@pytest.mark.parametrize(
    "module, names",
    [
        ("typing", ("ClassVar",)),
        ("collections.abc", ("Iterable",)),
        ("raft_steps", ("step_05_term_in_append_entries",)),
        ("raft_steps.step_05_term_in_append_entries", ("AppendEntries",)),
        ("raft_steps.lab", ("message", "Entry")),
        ("raft_steps.lab", ("Command", "Get", "removed", "node")),
        ("raft_steps.lab.log", ("Log",)),
        ("dataclasses", ("field",)),
    ],
)
def test_what_steps_are_made_of_may_be_imported(module: str, names: tuple[str, ...]) -> None:
    """Harmless modules of the standard library, the steps, and a few names of the laboratory may be imported."""
    assert not import_refusal(module, names)


@pytest.mark.parametrize(
    "module, names",
    [
        ("os", ()),
        ("sys", ("modules",)),
        ("importlib", ()),
        ("typing", ("sys",)),
        ("dataclasses", ("inspect",)),
        ("random", ("_os",)),
        ("raft_steps", ("node",)),
        ("raft_steps", ("importlib",)),
        ("raft_steps.lab", ("whole",)),
        ("raft_steps.lab", ()),
        ("raft_steps.lab.runtime.watchdog", ("ctypes",)),
        ("raft_steps.lab.checks.bench", ("Bench",)),
        ("raft_steps.lab.grading.worker", ("os",)),
    ],
)
def test_what_reaches_out_may_not_be_imported(module: str, names: tuple[str, ...]) -> None:
    """Everything else is refused, with a reason."""
    assert import_refusal(module, names)


def test_link_and_pipe_are_not_opened(tmp_path: Path) -> None:
    """Only plain files are read: a link may lead anywhere, and a pipe never ends."""
    (tmp_path / "link.py").symlink_to(__file__)

    with pytest.raises(SubmissionError, match="not a plain file"):
        extract_submission(tmp_path / "link.py")


def test_relative_import_is_refused() -> None:
    """A submission is one file, so there is nothing next to it."""
    statement = ast.parse("from .helpers import few").body[0]
    assert isinstance(statement, ast.ImportFrom)

    assert "one file, so a relative import finds nothing" in statement_refusal(statement)


def test_import_from_the_future_is_kept(tmp_path: Path) -> None:
    """It changes what the whole module means, also if no name of it is used."""
    extracted = extracted_from(tmp_path, "from __future__ import annotations\n\nclass Node:\n    x: int = 1\n")

    assert extracted.text.startswith("from __future__ import annotations")


def test_notebook_of_an_old_format_is_read(tmp_path: Path) -> None:
    """Format 3 keeps its cells in worksheets, and their source as ``input``."""
    path = tmp_path / "ann.ipynb"
    cell = {"cell_type": "code", "input": ["class Node:\n", "    x = 1"]}
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}), encoding="utf-8")

    assert "class Node:\n    x = 1" in extract_submission(path, "Node").text


def test_submission_has_a_size(tmp_path: Path) -> None:
    """A module with more source than a step can need is refused."""
    with pytest.raises(SubmissionError, match="characters of source, too many for one step"):
        extracted_from(tmp_path, f"class Node:\n    x = 1\n{'# long' * TEXT_MAX}\n")
