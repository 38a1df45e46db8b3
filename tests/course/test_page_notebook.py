"""Cells in a page with Python but without Jupyter: outputs, errors, players."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raft_steps.lab.course.page_notebook import ERROR, PLAYER, PRINTED, RESULT, PageNotebook

ENDLESS = """from raft_steps import node

class Node(node(5)):
    def on_append_entries(self, sender, message):
        while True:
            pass
"""


@pytest.fixture
def notebook() -> PageNotebook:
    """Return a notebook whose posts nobody reads."""
    return PageNotebook(lambda *_: None)


def test_cell_shows_what_it_prints_and_its_last_value(notebook: PageNotebook) -> None:
    """In this order, as in Jupyter."""
    outputs = notebook.run_cell("one", "x = 2\nprint('hello')\nx + 1")

    assert [{"kind": PRINTED, "text": "hello\n"}, {"kind": RESULT, "text": "3"}] == outputs
    assert [{"kind": RESULT, "text": "4"}] == notebook.run_cell("two", "x * 2")


@pytest.mark.parametrize("source", ["", "x = 1", "None", "1;", "def f():\n    return 1\n"])
def test_cell_without_a_value_shows_nothing(notebook: PageNotebook, source: str) -> None:
    """A semicolon hides a value, as in Jupyter."""
    assert [] == notebook.run_cell("one", source)


def test_restart_forgets_names(notebook: PageNotebook) -> None:
    """A page that runs all of its cells again starts from nothing."""
    notebook.run_cell("one", "x = 1")
    notebook.restart()

    assert "NameError: name 'x' is not defined" in notebook.run_cell("two", "x")[-1]["text"]


@pytest.mark.parametrize(
    "source, text",
    [
        ("x = 1\nx / 0", "  line 2: x / 0\nZeroDivisionError: division by zero"),
        (
            "def f():\n    return 1 / 0\nf()",
            "  line 3: f()\n  line 2: return 1 / 0\nZeroDivisionError: division by zero",
        ),
        ("from raft_steps.lab import Cluster\nCluster(8, servers=0)", "ScenarioError: "),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("if True\n    pass", "SyntaxError: expected ':'"),
    ],
)
def test_error_has_the_lines_of_the_cells(notebook: PageNotebook, source: str, text: str) -> None:
    """The frames of the laboratory do not help the reader; a LabError is its message alone."""
    (output,) = notebook.run_cell("one", source)

    assert ERROR == output["kind"]
    assert text in output["text"]
    assert "page_notebook" not in output["text"]


@pytest.mark.slow
def test_endless_loop_in_a_node_is_named_with_its_line(notebook: PageNotebook) -> None:
    """As in a notebook."""
    notebook.run_cell("yours", ENDLESS)
    (output,) = notebook.run_cell("check", "from raft_steps.lab import check\ncheck(Node, step=6)")

    assert "an endless loop?" in output["text"]
    assert "your cell, line 5: while True:" in output["text"] or "your cell, line 6: pass" in output["text"]
    assert output["html"].startswith("<div><strong>step 6: 0 of")


def test_player_is_opened_by_the_page() -> None:
    """Its session posts the run first, and answers the player's requests; afterwards players are widgets again."""
    posts: list[tuple[Any, ...]] = []
    notebook = PageNotebook(lambda *post: posts.append(post))
    (output,) = notebook.run_cell(
        "one", "from raft_steps.lab import Cluster\ncluster = Cluster(8, seed=3)\ncluster.run(20)\ncluster.play(at=2)"
    )
    name, kind, content, (trace,) = posts[0]

    assert (PLAYER, name) == (output["kind"], output["session"])
    assert {"start": 2_000_000, "speed": 1.0, "hurry": True, "heartbeats": True} == output["options"]
    assert "opened" == kind
    assert 0 == json.loads(content)["current"]
    assert b"seed 3" in trace.splitlines()[0]
    notebook.answer(name, '{"id": 1, "do": "seed", "seed": 5}')
    assert (name, "message") == posts[-1][:2]
    assert "seed 5" == json.loads(posts[-1][2])["live"]["branches"][-1]["name"]
    assert "Player" == type(notebook.main.cluster.play()).__name__
