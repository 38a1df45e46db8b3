"""Runs callbacks at the end of notebook cells.

A cell may change a cluster thousands of times; one message to the browser at its end is enough.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakMethod


class CellHook:
    """Observes the cells that IPython runs; without IPython, no callback is ever called.

    Attributes:
        is_cell_running: Whether a cell is being executed.
    """

    def __init__(self) -> None:
        """Start without callbacks; the first one registers with the shell."""
        self.is_cell_running = False
        self._shell: Any = None
        self._callbacks: list[WeakMethod[Callable[[], None]]] = []

    def call_after_cells(self, method: Callable[[], None]) -> None:
        """Call a bound method at the end of every cell, for as long as its object lives.

        Only a weak reference is kept: IPython's list of hooks lives as long as the kernel, and a cluster should not.
        """
        self._callbacks.append(WeakMethod(method))
        self._register()

    def _register(self) -> None:
        """Register with the shell of this process, once for each shell."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        if shell is not None and shell is not self._shell:
            self._shell = shell
            shell.events.register("pre_run_cell", self._on_cell_start)
            shell.events.register("post_run_cell", self._on_cell_end)
            # The first caller is itself in a cell, which started before this hook was registered.
            self.is_cell_running = True

    def _on_cell_start(self, *_: Any) -> None:
        self.is_cell_running = True

    def _on_cell_end(self, *_: Any) -> None:
        self.is_cell_running = False
        self._callbacks = [callback for callback in self._callbacks if callback() is not None]
        for callback in self._callbacks:
            method = callback()
            if method is not None:
                method()


cell_hook = CellHook()
