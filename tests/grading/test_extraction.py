"""What is extracted from a submission: the Node and what it needs, without statements that have only an effect."""

import json
from pathlib import Path

import pytest

from raft_steps.lab.source.extraction import ExtractedNode, extract_node
from raft_steps.lab.source.submission_cells import TEXT_MAX, SubmissionError


def extracted_from(tmp_path: Path, text: str, name: str = "ann.py") -> ExtractedNode:
    """Extract the Node from a text."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return extract_node(path)


def test_only_what_the_node_needs_is_kept(tmp_path: Path) -> None:
    """Functions, constants and messages that it uses are kept on their lines, and the rest is blank."""
    text = "import json\nLIMIT = 3\nOTHER = json\nprint(LIMIT)\n\ndef few():\n    return LIMIT\n\nclass Node:\n    x = few()\n"

    kept = extracted_from(tmp_path, text).cells[0].kept.splitlines()

    assert [
        "",
        "LIMIT = 3",
        "",
        "print(LIMIT)",
        "",
        "def few():",
        "    return LIMIT",
        "",
        "class Node:",
        "    x = few()",
    ] == kept


def test_what_is_changed_later_is_kept_too(tmp_path: Path) -> None:
    """A method that is added to the class later belongs to the Node; a cluster of it does not."""
    text = (
        "from raft_steps.lab import Cluster\nclass Node:\n    pass\ndef hear(self): ...\nNode.on_start = hear\n"
        "cluster = Cluster(Node)\ncluster.run(6)\nprint(cluster, Node)\n"
    )

    assert "Node.on_start = hear" in extracted_from(tmp_path, text).text
    assert "luster" not in extracted_from(tmp_path, text).text


def test_imported_names_are_kept_one_by_one(tmp_path: Path) -> None:
    """Only the names of an import that are needed stay: a Node cannot use check and Cluster."""
    text = "from raft_steps.lab import Cluster, check, message\n\n@message\nclass M:\n    x: int\n\nclass Node:\n    m = M\n"

    extracted = extracted_from(tmp_path, text)

    assert "from raft_steps.lab import message" == extracted.text.splitlines()[0]
    assert [] == extracted.remarks


def test_link_and_pipe_are_not_opened(tmp_path: Path) -> None:
    """Only plain files are read: a link may lead anywhere, and a pipe never ends."""
    (tmp_path / "link.py").symlink_to(__file__)

    with pytest.raises(SubmissionError, match="not a plain file"):
        extract_node(tmp_path / "link.py")


def test_import_from_the_future_is_kept(tmp_path: Path) -> None:
    """It changes what the whole module means, also if no name of it is used."""
    extracted = extracted_from(tmp_path, "from __future__ import annotations\n\nclass Node:\n    x: int = 1\n")

    assert extracted.text.startswith("from __future__ import annotations")


def test_notebook_of_an_old_format_is_read(tmp_path: Path) -> None:
    """Format 3 keeps its cells in worksheets, and their source as ``input``."""
    path = tmp_path / "ann.ipynb"
    cell = {"cell_type": "code", "input": ["class Node:\n", "    x = 1"]}
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}), encoding="utf-8")

    assert "class Node:\n    x = 1" in extract_node(path, "Node").text


def test_submission_has_a_size(tmp_path: Path) -> None:
    """A module with more source than a step can need is refused."""
    with pytest.raises(SubmissionError, match="characters of source, too many for one step"):
        extracted_from(tmp_path, f"class Node:\n    x = 1\n{'# long' * TEXT_MAX}\n")
