"""The worker: a process that runs a submission's Nodes and reports what each event changed. It judges nothing.

    request    {"id": 7, "set": {…}, "new": true, "call": "on_append_entries", "with": […]}
               and "begins": true when a check, a run or a search begins: Python's module random is seeded again
    answer     {"set": {…}, "logs": {…}, "effects": […]}   the fields that changed, and the Node's effects
               and "none": ["sent None: …", "…"]           if one effect sends None: the message, and the line
               {"error": "raised KeyError: 'x'", "place": "…"}   if the handler failed
    question   {"draw": "between", "with": [8, 18]}        the judge answers with a random number

The submission may do what it likes with this process: the wall around it (`wall`) leaves it nothing but these answers,
and the properties, the checks and the seeds are in the judge's process. `python -c` starts this one, with the copied
package first on its path.
"""

from __future__ import annotations

import json
import linecache
import os
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from raft_steps.lab.errors import MessageError
from raft_steps.lab.grading import absent_tools, limits
from raft_steps.lab.grading.codec import DRIVER_FIELDS, PLAIN, encode_json
from raft_steps.lab.grading.node_schema import WorkerCodec, describe_node
from raft_steps.lab.log import Log
from raft_steps.lab.node import Node
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime import diagnostics, mistakes, watchdog
from raft_steps.lab.source.running import CellRunner

MODULE = "submission"
SKIPPED_MAX = 20  # how many statements that failed are reported


class JudgeChannel:
    """Lines of JSON to and from the judge.

    Attributes:
        waiting: Whether the process waits for the judge.
    """

    def __init__(self, inward: int, outward: int) -> None:
        """Initialise with the file descriptors to read from and to write to."""
        self.inward, self.outward = os.fdopen(inward, "rb"), outward
        self.waiting = False

    def read(self) -> Any:
        """Wait for a line and return its data; end the process if the judge has closed its end."""
        self.waiting = True
        line = self.inward.readline()
        self.waiting = False
        if not line:
            os._exit(0)
        return json.loads(line)

    def write(self, data: dict[str, Any]) -> None:
        """Write data as a line."""
        rest = memoryview(encode_json(data).encode() + b"\n")
        while rest:
            rest = rest[os.write(self.outward, rest) :]


class JudgeRandom(RandomStream):
    """A random stream that asks the judge for each number, so that no seed is in this process."""

    __slots__ = ("channel",)

    def __init__(self, channel: JudgeChannel) -> None:
        """Initialise with the channel to the judge."""
        self.channel, self.scripted = channel, []
        self.random = self._random

    def _random(self) -> float:
        return float(self._ask("random"))

    def between(self, low: float, high: float) -> float:
        """Return a number from low to high. The judge draws it, because a scenario may prescribe the next one."""
        if type(low) not in (int, float) or type(high) not in (int, float):
            return super().between(low, high)
        return self._ask("between", low, high)  # type: ignore[no-any-return]

    def _ask(self, what: str, *given: float) -> Any:
        self.channel.write({"draw": what, "with": given})
        return self.channel.read()


class HostedNode:
    """A Node, and its state as the judge has it.

    Attributes:
        node: The Node.
        sent: Each field as it was last sent, encoded.
        logs: The log that was the value of each field when it was last sent.
    """

    def __init__(self, node: Any) -> None:
        """Initialise with a Node of which the judge has nothing yet."""
        self.node = node
        self.sent: dict[str, Any] = {}
        self.logs: dict[str, Log] = {}

    def take_changes(self, codec: WorkerCodec) -> dict[str, Any]:
        """Return what has changed since the last call, and the Node's effects, as an answer."""
        changed, logs, node = {}, {}, self.node
        for name, value in vars(node).items():
            if name in DRIVER_FIELDS:
                continue
            if type(value) is Log:
                logs.update(self._log_changes(name, value, codec))
                continue
            data = value if type(value) in PLAIN else codec.encode(value)
            if name not in self.sent or self.sent[name] != data or type(self.sent[name]) is not type(data):
                changed[name] = self.sent[name] = data
            self.logs.pop(name, None)
        answer: dict[str, Any] = {"set": changed, "logs": logs} if logs else {"set": changed}
        effects, node.effects = node.effects, []
        return answer | {"effects": codec.encode(effects)} if effects != [] else answer

    def _log_changes(self, name: str, log: Log, codec: WorkerCodec) -> dict[str, Any]:
        known, self.logs[name] = self.logs.get(name), log
        changes, log.changes = log.changes, []
        if known is not log:
            self.sent.pop(name, None)
            return {name: ["all", codec.encode(log)]}
        return {name: [[kind, codec.encode(what)] for kind, what in changes]} if changes else {}


class Worker:
    """Runs the Nodes of one submission as the judge requests."""

    def __init__(self, channel: JudgeChannel, node_class: Any, codec: WorkerCodec) -> None:
        """Initialise without any Node; requests create them."""
        self.channel, self.node_class, self.codec = channel, node_class, codec
        self.nodes: dict[int, HostedNode] = {}
        self.calls = 0
        self.call: mistakes.HandlerCall | None = None  # of the present request

    def progress(self) -> int:
        """Return a number that grows with each request, and at each call while waiting, so that only a stuck handler stops it."""
        self.calls += self.channel.waiting
        return self.calls

    def serve(self) -> None:
        """Answer requests, one after the other, until the judge closes the channel."""
        with watchdog.bounded(self.progress):
            while True:
                request = self.channel.read()
                self.calls += 1
                try:
                    answer = self._do(request)
                except BaseException as error:  # noqa: BLE001  # The submission raised it, whatever it is.
                    answer = describe_failure(error, self.call)
                try:
                    self.channel.write(answer | self.codec.new_classes())
                except (ValueError, RecursionError):  # For one, an integer with more digits than Python prints.
                    self.channel.write({"error": "stored or sent a value that cannot be written down", "place": None})

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        self.call = None
        for gone in request.get("free", ()):
            self.nodes.pop(gone, None)
        if request.get("begins"):
            random.seed(0)
        hosted = self._find_node(request)
        arguments = [self.codec.decode(each) for each in request["with"]]
        if request["call"] == "look":
            return {"value": self.codec.encode(getattr(hosted.node, arguments[0]))}
        handler = getattr(hosted.node, request["call"])
        self.call = mistakes.HandlerCall(hosted.node, handler, tuple(arguments))
        returned = handler(*arguments)
        if returned is not None:
            mistake = diagnostics.returned_something(returned)
            if "await" in str(mistake) or "async" in str(mistake) or "yield" in str(mistake):
                raise mistake
        none = diagnostics.none_was_sent(hosted.node) if diagnostics.sends_none(hosted.node.effects) else None
        try:
            answer = hosted.take_changes(self.codec)
        except RecursionError:
            raise diagnostics.Mistake(diagnostics.CONTAINS_ITSELF) from None
        if none is not None:  # The judge reports it when it carries out that effect.
            answer["none"] = [str(none)[:2000], none.place]
        return answer if returned is None else answer | {"returned": repr(returned)[:500]}

    def _find_node(self, request: dict[str, Any]) -> HostedNode:
        """Return the Node that a request is for, with the fields that the judge has set; build it if it is new."""
        given = {name: self.codec.decode(value) for name, value in request.get("set", {}).items()}
        if request.get("new"):
            node = self.node_class.__new__(self.node_class)
            vars(node).update(effects=[], random=JudgeRandom(self.channel))
            self.nodes[request["id"]] = HostedNode(node)
        hosted = self.nodes[request["id"]]
        vars(hosted.node).update(given)
        for name, value in given.items():
            hosted.sent[name] = request["set"][name]
            if isinstance(value, Log):
                value.changes, hosted.logs[name] = [], value
        return hosted


def describe_failure(error: BaseException, call: mistakes.HandlerCall | None = None) -> dict[str, Any]:
    """Return the answer for a handler that raised, with the laboratory's message for it.

    Args:
        error: What it raised.
        call: The call of the handler; None if there was none.
    """
    try:
        if isinstance(error, watchdog.HandlerTimeout):
            return {"stuck": True, "place": diagnostics.node_line(error.__traceback__)}
        if isinstance(error, MessageError) and diagnostics.node_line(error.__traceback__) is None:
            return {"error": str(error), "place": None}
        found = mistakes.blame(error, "S", "H", "0", call)
        text = (
            f"raised {type(error).__name__}: {error}" if found is None else str(found).removeprefix("S's H, at 0 s, ")
        )
        words, _, place = text.partition("\n")
        return {"error": words[:2000], "place": place[:2000] or None}
    except BaseException:  # noqa: BLE001  # Printing the submission's own exception fails, too.
        return {"error": "raised an exception that cannot be printed", "place": None}


def load_submission(request: dict[str, Any]) -> tuple[Any, list[str]]:
    """Run a submission's definitions; return its Node class, and what was skipped because it failed."""
    name = "__main__" if request["notebook"] else MODULE  # As in a kernel.
    module = ModuleType(name)
    sys.modules[name] = module
    if request["notebook"]:
        vars(module).update(display=_show_nothing, get_ipython=_show_nothing)
    cells = [[_stored(*cell[:3]), *cell[1:]] for cell in request["cells"]]
    runner = CellRunner(vars(module))
    with watchdog.bounded(lambda: runner.count):
        for file, label, _, kept, needed in cells:
            runner.run(file, label, kept, needed)
    return vars(module).get(request["class"]), runner.skipped


def _stored(name: str, label: str, source: str) -> str:
    """Store the text of a cell or a module for error messages; return the name that tracebacks have for it."""
    lines = [f"{line}\n" for line in source.split("\n")]
    if name != label:  # A cell, which has no file.
        linecache.cache[name] = (len(source), None, lines, name)
        return name
    path = Path(name).absolute()
    path.write_text(source, encoding="utf-8", newline="")
    return str(path)


def _show_nothing(*_arguments: object, **_settings: object) -> None:
    """Stand for what a notebook has and no process."""


def main() -> None:
    """Read the limits and the submission from the judge, load it, and answer requests."""
    channel = JudgeChannel(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
    request = channel.read()
    sys.stdout = sys.stderr = limits.NullOutput()
    limits.become(request["user"])
    absent_tools.install()
    random.seed(0)  # A Node that draws from it draws the same each time.
    limits.set_limits(request["memory_mib"], request["cpu_s"], request["processes"])
    codec = WorkerCodec(Node)
    try:
        found, skipped = load_submission(request)
        answer = (
            describe_node(found, codec) | {"skipped": skipped[:SKIPPED_MAX]}
            if isinstance(found, type) and issubclass(found, Node)
            else _not_a_node(found, request)
        )
    except BaseException as error:  # noqa: BLE001  # The submission raised it, whatever it is.
        answer = describe_failure(error) | {"kind": type(error).__name__}
    channel.write(answer | codec.new_classes())
    if "node" in answer:
        Worker(channel, found, codec).serve()


def _not_a_node(found: object, request: dict[str, Any]) -> dict[str, Any]:
    name = request["class"]
    if found is None:
        error = f"it has no class {name}"
    elif not isinstance(found, type):
        error = f"{name} is not a class"
    else:
        error = f"{name} is not a Node; derive it from the Node of the step before"
    return {"error": error, "place": None}
