"""An invocation or a completion of a process, as the text formats have it."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass

from raft_steps.lab.verify.linearizability.edn_values import EdnValue, is_named, name_of
from raft_steps.lab.verify.linearizability.history import ActionName

TYPES = ("invoke", "ok", "fail", "info")
FUNCTIONS: dict[str, ActionName] = {
    "read": "get", "get": "get", "write": "set", "put": "set", "set": "set",
    "cas": "cas", "append": "append", "delete": "delete",
}  # fmt: skip
NEMESIS = "nemesis"  # the process that does harm to the servers; every other one is a client


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """An invocation or a completion, as Jepsen records them.

    Attributes:
        line: Its line in the text, from 1.
        process: The process: a number, a keyword or a text.
        kind: invoke, ok, fail or info.
        function: read, write, cas, get, put, append or delete; of the nemesis, anything.
        value: The argument or the result.
        has_value: Whether there is a value; nil is one.
        key: The key.
        has_key: Whether a key was given.
        time_us: When, in microseconds; None if that is not known.
        is_refusal: Whether a failed cas with its two values is an answer: it found another value than it expected.
    """

    line: int
    process: Hashable
    kind: str
    function: str
    value: Hashable = None
    has_value: bool = False
    key: Hashable = None
    has_key: bool = False
    time_us: int | None = None
    is_refusal: bool = False

    @property
    def is_of_nemesis(self) -> bool:
        """Whether it is of the nemesis, not of a client."""
        return is_named(self.process) and name_of(self.process) == NEMESIS

    @property
    def action(self) -> ActionName | None:
        """The action of its function; None if there is no such function."""
        return FUNCTIONS.get(self.function)

    @property
    def client(self) -> str:
        """The name of the client; different processes have different names."""
        if isinstance(self.process, int):
            return f"process {self.process}"
        if isinstance(self.process, EdnValue):
            return self.process.text if self.process.kind == "keyword" else f"process {self.process.text}"
        name = str(self.process)
        return json.dumps(name, ensure_ascii=False) if name.startswith((":", '"', "process ")) or not name else name
