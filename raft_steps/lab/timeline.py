"""The space-time diagram of a run: what every server was and did, and every message between them."""

from __future__ import annotations

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scene import Scene, build_scene
from raft_steps.lab.spacetime import Painter
from raft_steps.lab.svg import Picture
from raft_steps.lab.trace import Event, Trace
from raft_steps.lab.words import decimals_of, window

def timeline(trace: Trace, *, start=None, end=None, heartbeats="auto", mark=None, mark_text="", title=None, limit=300) -> Picture:
    low, high = window(trace, start, end)
    scene = build_scene(trace, low, high, heartbeats, None)
    p = Painter(scene, title or trace.title, decimals_of(trace))
    d = p.paint()
    d.height = p.layout.bottom + 40
    return Picture(d.svg("x"), "x", "y")
