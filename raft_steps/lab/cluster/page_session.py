"""The session of a player in a page that runs Python itself, without Jupyter: text and bytes in, text and bytes out.

The page's script calls `open_session` with a function that posts messages to the page, and `PageSession.answer` with
each request of the player. What the messages hold is the same as in a notebook; `player.session` describes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raft_steps.lab.player.session import PlayerSession

# Called with the kind of a message, its content as JSON, and the bytes that go with it.
Post = Callable[[str, str, Sequence[bytes]], None]
OPENED, MESSAGE = "opened", "message"


@dataclass(slots=True, eq=False)
class PageFrontend:
    """The player of a page, as a session uses it.

    Attributes:
        post: Posts a message to the page.
    """

    post: Post

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed: a page closes all of Python."""
        return True

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send a message to the player."""
        self.post(MESSAGE, json.dumps(content), buffers or [])


@dataclass(slots=True, eq=False)
class PageSession:
    """One run that a page steers.

    Attributes:
        frontend: The player.
        session: The session of the cluster that repeats the run.
    """

    frontend: PageFrontend
    session: PlayerSession

    def answer(self, request: str) -> None:
        """Carry out a request of the player, as JSON; one message that answers it is posted."""
        self.session.answer(self.frontend, json.loads(request))


def open_session(scenario: str, step: int, post: Post) -> PageSession:
    """Repeat a run, and let a page steer it.

    The first message is `OPENED`, with the state of the session and the trace.

    Args:
        scenario: The scenario, as text.
        step: The step whose Node runs, if the scenario names none.
        post: Posts a message to the page.

    Raises:
        ScenarioError: The scenario cannot be read.
        LookupError: There is no such step.
        NodeError: A Node of the run fails.
    """
    from raft_steps.lab.cluster.cluster import Cluster

    return connect_page(Cluster.replay(scenario, step).session(), post)


def connect_page(session: PlayerSession, post: Post) -> PageSession:
    """Let a page steer a run that is there already.

    The first message is `OPENED`, with the state of the session and the trace.

    Args:
        session: The session of the run's cluster.
        post: Posts a message to the page.
    """
    frontend = PageFrontend(post)
    trace, state = session.open_state()
    post(OPENED, json.dumps(state), [trace])
    session.connect(frontend)
    return PageSession(frontend, session)
