"""A page with the player of one run in one file: it needs no server, no network and no Python."""

from __future__ import annotations

import base64
import json
import re
from importlib.resources import files

import jinja2

from raft_steps.lab.files import decode_text
from raft_steps.lab.player.widget import encode_trace, javascript, stylesheet
from raft_steps.lab.trace.trace import Trace

STATE = {"start": -1, "speed": 1.0, "hurry": True, "heartbeats": True, "chapter": 0, "live": {}}


def stand_alone_page(trace: Trace) -> str:
    """Return a page of HTML that plays a run.

    Args:
        trace: The run.
    """
    page = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True).from_string(
        _asset("stand_alone.html.j2")
    )
    return page.render(
        title=f"Run of {trace.title}" if trace.title else "A run",
        style=_in_a_page(stylesheet() + _asset("recorded_run.css")),
        player=_in_a_page(javascript().replace("export default {", "const player = {")),
        model=_in_a_page(_asset("stored_model.js").replace("export class", "class")),
        state=_in_a_page(json.dumps(STATE)),
        trace=base64.b64encode(encode_trace(trace)).decode("ascii"),
    )  # fmt: skip


def _asset(name: str) -> str:
    found = files("raft_steps.lab.course.site") / "assets" / name
    return decode_text(found.read_bytes(), name, "a part of a page")


def _in_a_page(text: str) -> str:
    """Return text for a script or a style sheet in a page, in which no tag is recognised."""
    import markupsafe

    assert not re.search(r"</(?:script|style)", text, re.IGNORECASE)
    return markupsafe.Markup(text)  # noqa: S704  # It is the course's own text.
