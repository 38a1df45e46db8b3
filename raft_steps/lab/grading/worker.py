"""The child: it holds a submission's Nodes, lets events reach them, and says what they did. It judges nothing.

    request    {"id": 7, "set": {…}, "new": true, "call": "on_append_entries", "with": […]}
               and "check": true where a check begins, so that Python's module random begins anew
    answer     {"set": {…}, "logs": {…}, "effects": […]}   what has changed, and what the Node wants done
               and "none": ["sent None: …", "…"] where one of these is to send None, with the line to blame
               {"error": "raised KeyError: 'x'", "place": "…"} where a handler failed
    question   {"draw": "between", "with": [8, 18]}        the judge answers with a number: chance is the judge's

Whatever a submission does to this process, it can change nothing but these answers: the rules, the checks and the
seeds are in another one. `python -c` starts it, with the copied package first on its path.
"""

from __future__ import annotations

import json
import linecache
import os
import random
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from raft_steps.lab.errors import MessageError
from raft_steps.lab.grading import limits
from raft_steps.lab.grading.codec import PLAIN
from raft_steps.lab.grading.node_schema import ChildWire, describe_node
from raft_steps.lab.log import Log
from raft_steps.lab.node import Node
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime import diagnostics, watchdog

OWN = frozenset({"name", "servers", "random", "effects"})  # fields that the driver gives
MODULE = "submission"
SPELL = json.JSONEncoder(separators=(",", ":")).encode


class Channel:
    """Lines of JSON to the judge and back."""

    def __init__(self, inward: int, outward: int) -> None:
        """Use these file descriptors."""
        self.inward, self.outward = os.fdopen(inward, "rb"), outward
        self.waiting = False

    def read(self) -> Any:
        """Wait for a line; end the process where there is none any more."""
        self.waiting = True
        line = self.inward.readline()
        self.waiting = False
        if not line:
            os._exit(0)
        return json.loads(line)

    def write(self, data: dict[str, Any]) -> None:
        """Say a line."""
        rest = memoryview(SPELL(data).encode() + b"\n")
        while rest:
            rest = rest[os.write(self.outward, rest) :]


class Chance(RandomStream):
    """The judge's chance, drawn one number at a time."""

    __slots__ = ("channel",)

    def __init__(self, channel: Channel) -> None:
        """Ask along this channel."""
        self.channel, self.scripted = channel, []
        self.random = self._random

    def _random(self) -> float:
        return float(self._ask("random"))

    def between(self, low: float, high: float) -> float:
        """Draw as a `RandomStream` does; a scenario may have written down what comes."""
        if type(low) not in (int, float) or type(high) not in (int, float):
            return super().between(low, high)
        return self._ask("between", low, high)  # type: ignore[no-any-return]

    def _ask(self, what: str, *given: float) -> Any:
        self.channel.write({"draw": what, "with": given})
        return self.channel.read()


class Held:
    """A Node, and what the judge knows of it.

    Attributes:
        node: The Node.
        told: Each field as it was told last, on the wire.
        logs: The log that each field held when it was told last.
    """

    def __init__(self, node: Any) -> None:
        """Begin with nothing told."""
        self.node = node
        self.told: dict[str, Any] = {}
        self.logs: dict[str, Log] = {}

    def news(self, wire: ChildWire) -> dict[str, Any]:
        """Say what has changed since this was asked last."""
        changed, logs, node = {}, {}, self.node
        for name, value in vars(node).items():
            if name in OWN:
                continue
            if type(value) is Log:
                logs.update(self._log_news(name, value, wire))
                continue
            data = value if type(value) in PLAIN else wire.encode(value)
            if name not in self.told or self.told[name] != data or type(self.told[name]) is not type(data):
                changed[name] = self.told[name] = data
            self.logs.pop(name, None)
        said: dict[str, Any] = {"set": changed, "logs": logs} if logs else {"set": changed}
        effects, node.effects = node.effects, []
        return said | {"effects": wire.encode(effects)} if effects != [] else said

    def _log_news(self, name: str, log: Log, wire: ChildWire) -> dict[str, Any]:
        known, self.logs[name] = self.logs.get(name), log
        changes, log.changes = log.changes, []
        if known is not log:
            self.told.pop(name, None)
            return {name: ["all", *[wire.encode(entry) for entry in log]]}
        return {name: [[kind, wire.encode(what)] for kind, what in changes]} if changes else {}


class Keeper:
    """Keeps the Nodes of one submission, and does what the judge asks."""

    def __init__(self, channel: Channel, node_class: Any, wire: ChildWire) -> None:
        """Begin without a Node."""
        self.channel, self.node_class, self.wire = channel, node_class, wire
        self.held: dict[int, Held] = {}
        self.calls = 0

    def progress(self) -> int:
        """Count what happens, so that only a handler that does not come back seems to stand still."""
        self.calls += self.channel.waiting
        return self.calls

    def serve(self) -> None:
        """Do what is asked, one after the other."""
        with watchdog.bounded(self.progress):
            while True:
                request = self.channel.read()
                self.calls += 1
                try:
                    answer = self._do(request)
                except BaseException as error:  # noqa: BLE001  # Whatever it is, it is the submission's.
                    answer = failure(error)
                try:
                    self.channel.write(answer | self.wire.news())
                except (ValueError, RecursionError):  # A number of more digits than Python spells, for one.
                    self.channel.write({"error": "left or sent something that cannot be written down", "place": None})

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        for gone in request.get("free", ()):
            self.held.pop(gone, None)
        if request.get("check"):
            random.seed(0)
        held = self._node(request)
        arguments = [self.wire.decode(each) for each in request["with"]]
        if request["call"] == "look":
            return {"value": self.wire.encode(getattr(held.node, arguments[0]))}
        returned = getattr(held.node, request["call"])(*arguments)
        if returned is not None:
            mistake = diagnostics.returned_something(returned)
            if "await" in str(mistake) or "async" in str(mistake) or "yield" in str(mistake):
                raise mistake
        none = diagnostics.none_was_sent(held.node) if diagnostics.sends_none(held.node.effects) else None
        try:
            said = held.news(self.wire)
        except RecursionError:
            raise diagnostics.Mistake(
                "left something in a field that contains itself, which cannot be written down"
            ) from None
        if none is not None:  # The judge tells it when it comes to that effect.
            said["none"] = [str(none)[:2000], none.place]
        return said if returned is None else said | {"returned": repr(returned)[:500]}

    def _node(self, request: dict[str, Any]) -> Held:
        given = {name: self.wire.decode(value) for name, value in request.get("set", {}).items()}
        if request.get("new"):
            node = self.node_class.__new__(self.node_class)
            vars(node).update(effects=[], random=Chance(self.channel))
            self.held[request["id"]] = Held(node)
        held = self.held[request["id"]]
        vars(held.node).update(given)
        for name, value in given.items():
            held.told[name] = request["set"][name]
            if isinstance(value, Log):
                value.changes, held.logs[name] = [], value
        return held


def failure(error: BaseException) -> dict[str, Any]:
    """Say what a handler raised, in the laboratory's words about it."""
    try:
        if isinstance(error, watchdog.HandlerTimeout):
            return {"stuck": True, "place": diagnostics.node_line(error.__traceback__)}
        if isinstance(error, limits.Refused):
            return {"error": str(error), "place": diagnostics.node_line(error.__traceback__)}
        if isinstance(error, MessageError) and diagnostics.node_line(error.__traceback__) is None:
            return {"error": str(error), "place": None}
        found = diagnostics.node_error(error, "S", "H", "0")
        text = (
            f"raised {type(error).__name__}: {error}" if found is None else str(found).removeprefix("S's H, at 0 s, ")
        )
        words, _, place = text.partition("\n")
        return {"error": words[:2000], "place": place[:2000] or None}
    except BaseException:  # noqa: BLE001  # An exception of its own making, whose words fail too.
        return {"error": "raised something that cannot be told", "place": None}


def load(request: dict[str, Any]) -> Any:
    """Run a submission's definitions, and give its Node class."""
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module
    space = vars(module)
    space["__builtins__"] = limits.builtins_of(limits.may_import)
    for name, source, _ in request["cells"]:
        # A time of change makes it a file's to whoever names a line; without one it is a cell's.
        lines = [f"{line}\n" for line in source.split("\n")]
        linecache.cache[name] = (len(source), 0.0 if "/" in name else None, lines, name)
    limits.lock()
    for name, _, kept in request["cells"]:
        exec(compile(kept, name, "exec", dont_inherit=True), space)  # noqa: S102  # That is what this process is for.
    return space.get(request["class"])


def load_allowed(steps: Iterable[str]) -> None:
    """Load what a submission may import, with these modules of steps: once it runs, nothing is loaded any more."""
    for name in (*limits.HARMLESS, *(f"raft_steps.lab.{each}" for each in limits.OURS), *steps):
        __import__(name)


def main() -> None:
    """Begin: take the limits and the submission from the judge, load it, and serve."""
    channel = Channel(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
    request = channel.read()
    sys.stdout = sys.stderr = limits.Silence()
    load_allowed(request["modules"])
    for module in [module for name, module in sys.modules.items() if name.partition(".")[0] == "raft_steps"]:
        linecache.getlines(module.__file__ or "")  # What an error may quote; no file can be read later.
    random.seed(0)  # Who draws from it draws the same each time.
    limits.limit(request["memory"], request["cpu_seconds"])
    wire = ChildWire(Node)
    try:
        with watchdog.bounded(lambda: 0):
            found = load(request)
        answer = (
            describe_node(found, wire)
            if isinstance(found, type) and issubclass(found, Node)
            else _no_node(found, request)
        )
    except BaseException as error:  # noqa: BLE001  # Whatever it is, it is the submission's.
        answer = failure(error) | {"kind": type(error).__name__}
    channel.write(answer | wire.news())
    if "node" in answer:
        Keeper(channel, found, wire).serve()


def _no_node(found: object, request: dict[str, Any]) -> dict[str, Any]:
    name = request["class"]
    said = (
        "is no class"
        if not isinstance(found, type)
        else "is a class of its own; derive it from the Node of the step before"
    )
    return {"error": f"{name} {said}" if found is not None else f"it has no class {name}", "place": None}
