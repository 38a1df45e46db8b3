"""Opens players: as widgets in a notebook, or as whatever shows them elsewhere.

A page that runs Python itself has no Jupyter and no widgets. It sets an opener, which every `play()` then calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raft_steps.lab.player.session import PlayerSession
    from raft_steps.lab.player.widget import Player
    from raft_steps.lab.trace.trace import Trace

# Called with the run, the time at which the player opens, its speed, whether it shows idle heartbeats, and the session.
Opener = Callable[["Trace", float | None, float, bool, "PlayerSession"], Any]
_openers: list[Opener] = []


def set_opener(opener: Opener | None) -> None:
    """Let all players be opened by a function; None for widgets, which is the default."""
    _openers[:] = [opener] if opener is not None else []


def open_player(trace: Trace, at: float | None, speed: float, heartbeats: bool, session: PlayerSession) -> Player:
    """Return the player of a cluster, to be displayed: a widget, or what the opener returns.

    Args:
        trace: The run.
        at: The time at which it opens, in seconds; None for the beginning.
        speed: How fast time passes; at 1, a typical message takes a second on the screen.
        heartbeats: Whether to show heartbeats that changed nothing.
        session: The session of the cluster.
    """
    if _openers:
        opened: Player = _openers[0](trace, at, speed, heartbeats, session)
        return opened
    from raft_steps.lab.player.widget import Player as Widget

    return Widget(trace, at, speed, heartbeats, session)
