"""The session of a page that runs Python itself posts text and bytes, and answers every request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from raft_steps.lab.cluster.page_session import MESSAGE, OPENED, open_session
from raft_steps.lab.errors import ScenarioError

SCENARIO = "raft-steps 1; servers tom jerry spike; seed 0; at 12 set x 1; until 20"


class Page:
    """Keeps what is posted."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any], Sequence[bytes]]] = []

    def post(self, kind: str, content: str, buffers: Sequence[bytes]) -> None:
        """Keep a message."""
        self.posts.append((kind, json.loads(content), buffers))

    def kinds(self) -> list[str]:
        """Return the kinds of all messages so far."""
        return [kind for kind, _, _ in self.posts]


def test_run_is_repeated_and_opened() -> None:
    """The first message has the state and the whole trace."""
    page = Page()
    open_session(SCENARIO, 8, page.post)
    ((kind, state, (trace,)),) = page.posts

    assert OPENED == kind
    assert 0 == state["current"]
    assert SCENARIO == json.loads(trace.splitlines()[0])["scenario"].replace("step 8; ", "")
    assert {"servers": ["tom", "jerry", "spike"], "title": "step 8"}.items() <= json.loads(
        trace.splitlines()[0]
    ).items()


def test_request_gets_its_events_the_state_and_the_answer_in_one_message() -> None:
    """As in a notebook."""
    page = Page()
    open_session(SCENARIO, 8, page.post).answer('{"id": 7, "do": "seed", "seed": 5}')
    ((_, news, (lines,)),) = page.posts[1:]
    (trace,) = news["traces"]

    assert [OPENED, MESSAGE] == page.kinds()
    assert (7, True) == (news["id"], news["ok"])
    assert (1, 0) == (trace["branch"], trace["parent"])
    assert b'"kind"' in lines


def test_request_that_cannot_be_carried_out_is_answered() -> None:
    """The player shows the sentence."""
    page = Page()
    open_session(SCENARIO, 8, page.post).answer('{"id": 1, "do": "dance"}')

    assert (MESSAGE, False) == (page.posts[-1][0], page.posts[-1][1]["ok"])


def test_scenario_that_cannot_be_read_is_an_error() -> None:
    """Nothing is posted."""
    page = Page()

    with pytest.raises(ScenarioError):
        open_session("raft-steps 1; servers tom; at noon set x 1", 8, page.post)
    assert [] == page.posts
