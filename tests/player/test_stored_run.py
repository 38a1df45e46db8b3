"""Tests of what a notebook stores of a player: a picture and the run, in an output of its own."""

import base64
import re
import zlib
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import IPython.display
import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.player import widget
from raft_steps.lab.player.stored_run import LONGEST, compressed_code, is_stored_by_frontend, stored_run
from raft_steps.lab.player.widget import WIDGET_VIEW, Player, javascript, stylesheet

MOST_OF_THE_CODE = 100_000  # characters


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list of what is displayed from now on."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: found.append(data))
    return found


def part(html: str, name: str) -> str:
    """Decompress a part of a stored run."""
    (data,) = re.findall(rf'<script type="text/plain" id="[\w-]+-{name}">([^<]*)</script>', html)
    return zlib.decompress(base64.b64decode(data)).decode()


def test_notebook_stores_run_and_player(shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The output in a notebook that is saved holds picture, trace and player; the widget has an output of its own."""
    monkeypatch.setattr(widget, "is_stored_by_frontend", lambda: True)
    cluster = Cluster(8, seed=1).run(30)
    player = cluster.play(at=12, heartbeats=False)
    player._ipython_display_()
    stored, live = shown
    html = stored["text/html"]

    assert [{"text/plain", "text/html"}, {WIDGET_VIEW}] == [set(stored), set(live)]
    assert f'<div id="{player.ring.stored}" class="raft-stored"><img alt="Player of step 8' in html
    assert cluster.trace.to_text() == part(html, "trace")
    assert "export default {" in part(html, "code")
    assert '...{"start": 12000000, "speed": 1.0, "heartbeats": false, "hurry": true}' in html
    assert "https://" not in html


@pytest.mark.parametrize("metadata, is_stored", [({"cellId": "x"}, True), ({}, False)])
def test_kernel_of_jupyterlite_is_asked_as_any_other(
    monkeypatch: pytest.MonkeyPatch, metadata: dict[str, str], is_stored: bool
) -> None:
    """Its get_parent takes no argument, unlike that of ipykernel."""

    class Kernel:
        def get_parent(self) -> dict[str, Any]:
            return {"metadata": metadata}

    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=Kernel()))

    assert is_stored == is_stored_by_frontend()


def test_code_is_small() -> None:
    """The player costs each output of a saved notebook so many characters."""
    assert len(compressed_code(javascript(), stylesheet())) < MOST_OF_THE_CODE


def test_run_that_is_too_long_is_a_picture() -> None:
    """A trace that is still too long when compressed is not stored."""
    options: dict[str, Any] = {}
    noise = b"".join(sha256(b"%d" % number).digest() for number in range(LONGEST // 32))

    assert "<img>" == stored_run("<img>", noise, options, name="x", code="")
    assert "<script" in stored_run("<img>", b"short", options, name="x", code="")


def test_where_no_notebook_is_saved_the_picture_is_the_same_each_time(shown: list[dict[str, Any]]) -> None:
    """The first output is picture and text alone without a frontend that names the cell, as in nbval and nbconvert."""
    for _ in range(2):
        Player(Cluster(8, seed=1).run(30).trace, None, 1.0, True)._ipython_display_()

    assert not is_stored_by_frontend()
    assert shown[0] == shown[2]
    assert shown[0]["text/html"].startswith("<img ")


def test_page_of_nbconvert_shows_the_picture(shown: list[dict[str, Any]]) -> None:
    """A page that nbconvert makes of an executed notebook has the picture in an output of its own, so no cell is empty.

    The widget of the other output loads its code from another machine, and is not there without a network.
    """
    from nbconvert import HTMLExporter
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    Cluster(8, seed=1).run(30).play()._ipython_display_()
    outputs = [new_output("display_data", data=data) for data in shown]
    notebook = new_notebook(cells=[new_code_cell("cluster.play()", outputs=outputs)])
    state: dict[str, Any] = {shown[1][WIDGET_VIEW]["model_id"]: {}}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    page, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]

    assert re.search(r'class="[^"]*jp-RenderedHTMLCommon[^"]*"[^>]*>\s*<img alt="Player of step 8', page)
