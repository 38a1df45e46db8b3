"""The player: shows a run as a ring of servers in a notebook, with controls to move through its time.

Python simulates and sends the whole trace at once; playing, drawing and scrubbing happen in the browser and never ask
Python. The drawing, with all its controls, is an anywidget whose JavaScript is in the folder `player/browser`.

The player of a cluster is live: its requests go to the cluster's session, on the thread on which JupyterLab receives
them. The player of a stored trace sends no requests.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import traitlets

from raft_steps.lab.files import decode_text
from raft_steps.lab.pictures.cluster_ring import cluster_ring, ring_text
from raft_steps.lab.player.state import encode_lines
from raft_steps.lab.player.stored_run import compressed_code, is_stored_by_frontend, stored_run
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.trace import Trace

if TYPE_CHECKING:
    from raft_steps.lab.player.session import PlayerSession

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# Ordered so that each module comes after those that it imports.
MODULES = (
    "collections", "cluster_state", "configurations", "narration", "command_words", "field_text", "geometry", "term_tint", "time_scale",
    "lane_runs", "headline", "message_spans", "happenings", "markers", "navigation", "branches", "available_actions",
    "state_diff", "dom", "kernel_link", "message_dots",
    "message_layer", "ring", "panels", "log_table", "client_list", "client_layer",
    "now_panel", "lanes", "playback_controls", "playback", "inspector", "action_bar", "script_panel", "branch_panel",
    "violation_banner", "head_bar", "tabs", "wall_drawing", "keyboard", "focus", "live", "autoplay", "layout", "input",
    "stored_run", "widget",
)  # fmt: skip

# The parts that a module needs only as a separate file: its imports, the word export, and its comments, which make up half
# of the text.
_IMPORT = re.compile(r'^import [^;]*? from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
_COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)
_JSDOC = re.compile(r"^ */\*\*(?:(?!\*/).)*\*/\n", re.MULTILINE | re.DOTALL)


def javascript() -> str:
    """Return the player's JavaScript as one module, which imports no other."""
    folder = files("raft_steps.lab") / "player" / "browser"
    source = "\n".join(decode_text((folder / f"{name}.js").read_bytes(), name, "JavaScript") for name in MODULES)
    for left_out in (_JSDOC, _COMMENT, _IMPORT, _EXPORT):
        source = left_out.sub("", source)
    return source


def stylesheet() -> str:
    """Return the style sheet of the drawing."""
    found = files("raft_steps.lab") / "player" / "browser" / "widget.css"
    return decode_text(found.read_bytes(), found.name, "a style sheet")


class Ring(anywidget.AnyWidget):
    """The drawing, with the controls that move time.

    Attributes:
        trace: The run when the browser opened it, as `Trace.to_text` formats it; as bytes, which are sent as they are,
            without JSON around them.
        start: The time that is shown first, in microseconds; -1 for the start of the run.
        speed: How fast time passes; at 1, a typical message takes a second on the screen.
        heartbeats: Whether to list idle heartbeats and to stop at them when stepping.
        hurry: Whether to play long periods without messages faster.
        chapter: The number of the last chapter reached, from 1; setting it moves there.
        fresh: Whether it plays by itself as soon as it is seen, which happens once.
        live: The state of the session when the browser opened it, as `session_state` returns it; empty if the player is
            not live.
        stored: The id of the element that stores the run in the notebook, or "".
        session: The session; None if the player is not live.
    """

    _esm = javascript()
    _css = stylesheet()

    trace = traitlets.Bytes().tag(sync=True)
    start = traitlets.Int(-1).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)
    heartbeats = traitlets.Bool(True).tag(sync=True)
    hurry = traitlets.Bool(True).tag(sync=True)
    chapter = traitlets.Int(0).tag(sync=True)
    fresh = traitlets.Bool(False).tag(sync=True)
    live = traitlets.Dict().tag(sync=True)
    stored = traitlets.Unicode().tag(sync=True)
    session: PlayerSession | None = None

    def connect(self, session: PlayerSession) -> None:
        """Connect to a session: pass the browser's requests to it, and show its messages."""
        self.session = session
        self.on_msg(lambda ring, request, _buffers: session.answer(ring, request))
        session.connect(self)

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self.comm is not None

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return the state, or a part of it. A request for all of it comes from a browser that opens the widget.

        Only then are the trace and the state of the session brought up to date: browsers that have it open get what is
        new as messages.
        """
        if key is None and self.session is not None:
            self.trace, self.live = self.session.open_state(self)
        return super().get_state(key, drop_defaults)  # type: ignore[no-any-return]

    def _should_send_property(self, key: str, value: object) -> bool:
        """Return whether a change is sent automatically: not what only a browser that opens the widget needs."""
        return key not in ("trace", "live") and super()._should_send_property(key, value)

    def __repr__(self) -> str:
        """Return a fixed text; the player around it has the description."""
        return "Ring()"


class Player(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types.
    """The widget that a cell shows: the drawing, in a box that gives the notebook a picture and a text as well.

    Attributes:
        ring: The drawing; its speed, heartbeats, hurry and chapter can also be set from Python.
    """

    def __init__(
        self, trace: Trace, at: float | None, speed: float, heartbeats: bool, session: PlayerSession | None = None
    ) -> None:
        """Build the widgets. The arguments are those of `player`, and the session if the player is live."""
        encoded, live = (encode_trace(trace), {}) if session is None else session.open_state()
        self.ring = Ring(
            trace=encoded,
            live=live,
            start=-1 if at is None else round(at * MICROSECONDS),
            speed=speed,
            heartbeats=heartbeats,
            fresh=session is not None,
        )
        if session is not None:
            self.ring.connect(session)
        self._text = ring_text(trace, at)
        self._picture = cluster_ring(trace, at).to_html()
        super().__init__([self.ring])
        self.add_class("raft-player")

    def _ipython_display_(self, **_: Any) -> None:
        """Display two outputs: a picture, which plays without a kernel where a notebook stores it, and the widget.

        Of one output with both, Jupyter would show only the widget, and a notebook that is opened again has none.
        """
        from IPython.display import display

        picture = self._picture
        if is_stored_by_frontend():
            self.ring.stored = name = f"raft-run-{self.ring.model_id}"
            options = {option: getattr(self.ring, option) for option in ("start", "speed", "heartbeats", "hurry")}
            code = compressed_code(javascript(), stylesheet())
            picture = stored_run(picture, self.ring.trace, options, name=name, code=code)
        view = super()._repr_mimebundle_() or {}
        for data in ({"text/plain": self._text, "text/html": picture}, {WIDGET_VIEW: view[WIDGET_VIEW]}):
            display(data, raw=True)  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return what an application without IPython displays: the widget, or a picture, or a text."""
        data: dict[str, Any] = super()._repr_mimebundle_(**kwargs) or {}
        return data | {"text/plain": self._text, "text/html": self._picture}

    def __repr__(self) -> str:
        """Describe the cluster at the time that the picture shows."""
        return self._text


def player(
    trace: Trace, *, at: float | None = None, speed: float = 1.0, heartbeats: bool = True
) -> Player:  # fmt: skip
    """Show a run as a ring of servers, with play, pause, step, speed and a scrubber.

    Args:
        trace: The run.
        at: The time in seconds at which the player opens, and which the static picture shows. By default the player
            opens at the start of the run, and the picture shows the end.
        speed: How fast time passes, from 1/16 to 16; at 1, a typical message takes a second on the screen.
        heartbeats: Whether to show heartbeats that changed nothing.
    """
    return Player(trace, at, speed, heartbeats)


def encode_trace(trace: Trace) -> bytes:
    """Encode a trace for the browser."""
    return encode_lines(trace.to_text().split("\n")[:-1])
