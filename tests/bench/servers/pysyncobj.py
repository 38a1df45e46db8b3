"""PySyncObj under load. It has no clients of its own: the program of the leader writes."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.servers.peers import NAMES, TRY_LIMIT_S, Load, MissingPeer, Peer, Rate

PROGRAM = Path(__file__).with_name("pysyncobj_node.py")


class PySyncObj(Peer):
    """Three programs with a dictionary of PySyncObj each, which keep a journal (that is not synced to the disk)."""

    title = "PySyncObj"

    @classmethod
    def require(cls) -> None:
        """Require the package."""
        if importlib.util.find_spec("pysyncobj") is None:
            raise MissingPeer("there is no PySyncObj here; install it with pip install pysyncobj")

    def start(self) -> None:
        """Start the programs."""
        addresses = [f"127.0.0.1:{self.ports[name][0]}" for name in NAMES]
        for number, name in enumerate(NAMES):
            others = addresses[:number] + addresses[number + 1 :]
            # With -P, the module next to it that has the library's name is not found.
            self.start_process(name, sys.executable, "-P", str(PROGRAM), addresses[number], *others, pipes=True)

    def _ask(self, name: str, *words: object) -> Any:
        process = self.processes[name]
        assert process.stdin is not None
        assert process.stdout is not None
        print(*words, file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    def leader(self) -> str:
        """Ask the programs."""
        return next((name for name in self.processes if self._ask(name, "leads")), "")

    def rate(self, load: Load) -> Rate | None:
        """Let the leader's program write; reads are local, and nothing like ours."""
        if load.reads:
            return None
        return Rate(*self._ask(self.leader(), "rate", load.connections * load.in_flight, load.requests))

    def next_write(self, killed: str) -> Callable[[str], bool]:
        """Let a program write."""

        def accepted(name: str) -> bool:
            return bool(self._ask(name, "write", TRY_LIMIT_S, killed))

        return accepted
