"""The player: a run, drawn as a ring of servers in a notebook, with controls to move through its time.

Python simulates and sends one batched trace; the browser's clock, drawing and scrubbing never ask Python again. The
drawing is one anywidget whose JavaScript is in the folder `browser`; the controls around it that need no exact timing
are ipywidgets, linked to it in the browser. What moves time itself (play, step, scrub) is part of the drawing, because
a scrubber needs marks, and because space and arrows have to mean the same wherever one has clicked.

The player of a cluster is live: its requests go to the cluster's session, on whichever thread JupyterLab hears them.
The player of a trace alone asks nothing.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import traitlets

from raft_steps.lab.pictures.cluster_ring import cluster_ring, ring_text
from raft_steps.lab.player.state import spell_lines
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.narration import event_text
from raft_steps.lab.trace.trace import Event, Trace

if TYPE_CHECKING:
    from raft_steps.lab.player.session import PlayerSession

# In an order in which each follows the ones that it imports.
MODULES = (
    "collections", "cluster_state", "narration", "field_text", "geometry", "message_spans", "happenings", "markers",
    "navigation", "branches", "available_actions", "state_diff", "dom", "kernel_link", "message_layer", "ring",
    "panels", "log_table", "client_list", "playback_controls", "playback", "inspector", "action_bar", "script_panel",
    "branch_panel", "violation_banner", "keyboard", "live", "layout", "input", "widget",
)  # fmt: skip
MARKS = {
    "crashed": "down",
    "restarted": "up",
    "paused": "down",
    "resumed": "up",
    "partitioned": "wall",
    "cut": "wall",
    "healed": "heal",
    "truncated": "alarm",
    "failed": "alarm",
}
MOST_MOMENTS = 200  # a longer list is no help in finding anything

# What a module needs only while it is a file of its own: its imports, the word export, and the types in its JSDoc, which
# are half of the text.
_IMPORT = re.compile(r'^import [^;]*? from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
_JSDOC = re.compile(r"^ */\*\*(?:(?!\*/).)*\*/\n", re.MULTILINE | re.DOTALL)

Moment = tuple[int, str, str]


def javascript() -> str:
    """Return the player's JavaScript as one module, so that the browser loads nothing from anywhere."""
    folder = files("raft_steps.lab") / "player" / "browser"
    source = "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in MODULES)
    for left_out in (_JSDOC, _IMPORT, _EXPORT):
        source = left_out.sub("", source)
    return source


def stylesheet() -> str:
    """Give the drawing's CSS."""
    return (files("raft_steps.lab") / "player" / "browser" / "widget.css").read_text(encoding="utf-8")


class Ring(anywidget.AnyWidget):
    """The drawing, with the controls that move time.

    Attributes:
        trace: The run, as `Trace.to_text` spells it; bytes, so that nothing spells it a second time on the way.
        start: The time that is shown at first, in microseconds; -1 for the beginning.
        speed: How fast time goes; at 1, a usual message is seen for a second.
        heartbeats: Whether idle heartbeats are told and stepped through.
        hurry: Whether long stretches without a message go by fast.
        chapter: Which of the moments was passed last, from 1; setting it leads there.
        live: The state of the session, as `raft_steps.lab.player.state.describe` gives it; empty when not live.
        session: Whom to ask; None when not live.
    """

    _esm = javascript()
    _css = stylesheet()

    trace = traitlets.Bytes().tag(sync=True)
    start = traitlets.Int(-1).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)
    heartbeats = traitlets.Bool(True).tag(sync=True)
    hurry = traitlets.Bool(True).tag(sync=True)
    chapter = traitlets.Int(0).tag(sync=True)
    live = traitlets.Dict().tag(sync=True)
    session: PlayerSession | None = None

    def attend(self, session: PlayerSession) -> None:
        """Take part in a session: ask it what the browser asks, and show what it tells."""
        self.session = session
        self.on_msg(lambda ring, request, _buffers: session.answer(ring, request))
        session.open(self)

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self.comm is not None

    def keep(self, trace: bytes, live: dict[str, Any]) -> None:
        """Keep the present state for whoever opens it later, and send `live`; the browser has the trace by messages."""
        self.trace, self.live = trace, live
        self.send_state("live")

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Give the state, or a part; who asks for all of it is a browser that has just been opened."""
        if key is None and self.session is not None:
            self.session.opened_anew(self)
        return super().get_state(key, drop_defaults)  # type: ignore[no-any-return]

    def _should_send_property(self, key: str, value: object) -> bool:
        """Say whether a change is sent by itself: not the trace, which is large, nor `live`, which comes after it."""
        return key not in ("trace", "live") and super()._should_send_property(key, value)

    def __repr__(self) -> str:
        """Name it; the player around it has the words."""
        return "Ring()"


class Player(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types.
    """The drawing and the controls around it.

    Attributes:
        ring: The drawing; its speed, heartbeats, hurry and chapter can be set from Python, too.
    """

    def __init__(
        self, trace: Trace, at: float | None, speed: float, heartbeats: bool, session: PlayerSession | None = None
    ) -> None:
        """Build the widgets; `player` says what the arguments mean, and a session makes them live."""
        live = {} if session is None else session.state()
        self.ring = Ring(
            trace=trace_bytes(trace) if session is None else session.trace_bytes,
            live=live,
            start=-1 if at is None else round(at * MICROSECONDS),
            speed=speed,
            heartbeats=heartbeats,
        )
        if session is not None:
            self.ring.attend(session)
        self._words = ring_text(trace, at)
        self._still = cluster_ring(trace, at).to_html()
        super().__init__([self.ring, _options(self.ring)])
        self.add_class("raft-player")

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Tell a notebook how to show it: live where there is a kernel, else as a picture, else in words."""
        data: dict[str, Any] = super()._repr_mimebundle_(**kwargs) or {}
        return data | {"text/plain": self._words, "text/html": self._still}

    def __repr__(self) -> str:
        """Say whose run it is, and how the cluster stands in the picture."""
        return self._words


def player(
    trace: Trace, *, at: float | None = None, speed: float = 1.0, heartbeats: bool = True
) -> Player:  # fmt: skip
    """Show a run as a ring of servers, with play, pause, step, speed and a scrubber.

    Args:
        trace: The run.
        at: The time that it opens at, in seconds, and that the still picture shows; by default it opens at the
            beginning, and the picture shows the end.
        speed: How fast time goes, from 1/16 to 16; at 1, a usual message is seen for a second.
        heartbeats: Whether heartbeats that changed nothing are told, too.
    """
    return Player(trace, at, speed, heartbeats)


def trace_bytes(trace: Trace) -> bytes:
    """Give the trace as the browser gets it.

    Python's JSON has numbers that the browser's does not know (a learner's field may hold an infinite timeout); they
    become words.
    """
    return spell_lines(trace.to_text().split("\n")[:-1])


def telling_moments(trace: Trace) -> list[Moment]:
    """Find the moments that a reader may want to go to: elections, faults, deleted entries; the earliest 200."""
    terms: dict[str, Any] = {}
    found: list[Moment] = []
    for event in trace:
        if event.kind == "term":
            terms[event.server] = event["term"]
        mark = _mark_of(event)
        if mark:
            words = event_text(event)
            if event.kind == "role":
                words += f" in term {terms.get(event.server, 0)}"
            found.append((event.number, mark, words))
    return found[:MOST_MOMENTS]


def _mark_of(event: Event) -> str:
    if event.kind == "role":
        return event["role"] if event["role"] in ("leader", "candidate") else ""
    return MARKS.get(event.kind, "")


def _options(ring: Ring) -> ipywidgets.HBox:
    """Build the controls that need no exact timing, and link them to the drawing in the browser."""
    speed = ipywidgets.FloatLogSlider(
        value=ring.speed, base=2, min=-4, max=4, step=0.5, readout_format=".2g", description="speed",
        layout=ipywidgets.Layout(width="230px"), style={"description_width": "45px"},
    )  # fmt: skip
    hurry = _checkbox("hurry through the quiet", ring.hurry, "190px")
    heartbeats = _checkbox("heartbeats", ring.heartbeats, "110px")
    for control, name, trait in (
        (speed, "value", "speed"), (hurry, "value", "hurry"), (heartbeats, "value", "heartbeats"),
    ):  # fmt: skip
        ipywidgets.jslink((control, name), (ring, trait))
    options = ipywidgets.HBox([speed, hurry, heartbeats])
    options.add_class("raft-player-options")
    return options


def _checkbox(description: str, value: bool, width: str) -> ipywidgets.Checkbox:
    return ipywidgets.Checkbox(
        value=value, description=description, indent=False, layout=ipywidgets.Layout(width=width)
    )  # fmt: skip
