"""When players are told what Python code did: in a notebook once, at the end of the cell; elsewhere at once.

A cell may do a thousand things to a cluster. A message for each would be too many for the browser.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from raft_steps.lab.player.session import Session


class Cells:
    """Knows whether a cell runs, and tells a session's players at its end."""

    def __init__(self, session: Session) -> None:
        """Belong to this session; it begins inside a cell, if there are cells at all."""
        _sessions.add(session)
        _hook.listen()

    def will_tell(self) -> bool:
        """Say whether a cell runs, at whose end players are told."""
        return _hook.is_cell_running


class _Hook:
    """Listens to IPython, where it runs."""

    def __init__(self) -> None:
        self.is_cell_running = False
        self._shell: Any = None

    def listen(self) -> None:
        """Listen to the shell of this process; to each once."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        if shell is not None and shell is not self._shell:
            self._shell = shell
            shell.events.register("pre_run_cell", self._begins)
            shell.events.register("post_run_cell", self._ends)
            self.is_cell_running = True

    def _begins(self, *_: Any) -> None:
        self.is_cell_running = True

    def _ends(self, *_: Any) -> None:
        self.is_cell_running = False
        for session in list(_sessions):
            session.tell()


_sessions: WeakSet[Session] = WeakSet()
_hook = _Hook()
