"""Builds the class that stands in for a submission's Node in the judge; it runs none of the submission's code.

Checks, simulations and the model checker use it as they would use the Node. Each event goes to the worker, and comes
back as plain data: changed fields, new log entries, effects. So whatever runs in the worker, the checks run here.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from raft_steps.lab.errors import LogError
from raft_steps.lab.grading.codec import DRIVER_FIELDS, CodecError, Opaque
from raft_steps.lab.grading.judge_codec import MALFORMED, JudgeCodec, decode_default, is_valid_name
from raft_steps.lab.grading.worker_process import LOOPED, WorkerLostError, WorkerProcess
from raft_steps.lab.log import Log
from raft_steps.lab.node import Node, removed
from raft_steps.lab.runtime.diagnostics import NONE_WAS_SENT, Mistake
from raft_steps.lab.runtime.mistakes import EFFECT_LENGTHS
from raft_steps.lab.runtime.watchdog import NOT_BACK, HandlerTimeout

EFFECT_METHODS = {"send": "send", "start": "start_timer", "cancel": "cancel_timer", "reply": "reply", "apply": "apply"}
MESSAGE_MAX = 500
SLIPS_MAX = 12  # slips of the pen that are shown
SKIPPED_MAX = 20


class RemoteSubmission:
    """A submission in a worker, and the Nodes in the judge that stand in for the submission's.

    Attributes:
        process: The worker.
        codec: The codec, with the classes that the worker has described.
        skipped: What failed while the submission was loaded, and was not needed; a sentence each.
    """

    def __init__(self, process: WorkerProcess) -> None:
        """Initialise with the worker that is to run the submission."""
        self.process, self.codec = process, JudgeCodec()
        self.skipped: list[str] = []
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._changed_here: dict[int, set[str]] = {}
        self._freed: list[int] = []
        self._next = 0
        self._run_begins = False
        self._none_was_sent: weakref.WeakKeyDictionary[Any, Mistake] = weakref.WeakKeyDictionary()

    def load(self, request: dict[str, Any]) -> Any:
        """Load a submission in the worker; return the class that stands in for its Node.

        Raises:
            Mistake: It cannot be loaded; the message says why.
        """
        try:
            answer = self.process.request(request)
            if "node" not in answer:
                message = f"{NOT_BACK} within a second: an endless loop?" if "stuck" in answer else answer["error"]
                raise Mistake(str(message)[:MESSAGE_MAX], _text(answer.get("place")))
            self.codec.add_classes(answer.get("classes"))
            self.skipped = [f"{_capital(str(each)[:200])}." for each in list(answer["skipped"])[:SKIPPED_MAX]]
            return self._build_class(answer)
        except WorkerLostError as lost:
            raise Mistake(f"the submission {lost}") from lost
        except (CodecError, RecursionError, *MALFORMED) as error:
            raise Mistake("the Node class cannot be described as data") from error

    def _build_class(self, description: dict[str, Any]) -> Any:
        built: Any = Node
        for base in description["node"]:
            handlers = {
                name: self._build_handler(name, each) for name, each in base["handlers"].items() if is_valid_name(name)
            }
            last = base is description["node"][-1]
            body = handlers | (self._build_members(description) if last else {})
            name = base["name"] if is_valid_name(base["name"]) else "Node"
            built = type(name, (built,), {"__module__": str(base["module"]), "__annotations__": {}} | body)
        return built

    def _build_members(self, description: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a Node and the other members of its class."""
        body: dict[str, Any] = {"durable": self.codec.decode(description["durable"])}
        annotations: dict[str, Any] = {}
        for name, data in description["constants"].items():
            body[name] = self.codec.decode(data)
            annotations[name] = ClassVar[Any]
        body |= dict.fromkeys(description["disabled"])
        if description["learns_terms"] is True and "learn_term" not in body:
            body["learn_term"] = None  # Only its presence counts here; the worker calls the method itself.
        body |= {name: property(self._getter(name)) for name in description["properties"]}
        for name, how, data in description["fields"]:
            annotations[name], field = Any, decode_default(how, data, self.codec)
            if how == "value":
                body[name] = self.codec.decode(data)
            elif how != "none":
                body[name] = field
        body |= {name: removed(str(why)) for name, why in description["removed"].items()}
        annotations |= dict.fromkeys(description["removed"], Any)
        if description["post_init"]:
            body["__post_init__"] = lambda node: self.call(node, "__post_init__", ())
        body["_run_begins"] = staticmethod(self._begin_run)
        slips = [str(slip)[:MESSAGE_MAX] for slip in description["slips"][:SLIPS_MAX]]
        body["_slips"] = staticmethod(lambda: slips)
        body["_none_was_sent"] = lambda node: self._none_was_sent.get(node) or Mistake(NONE_WAS_SENT)
        body["__setattr__"] = lambda node, name, value: self._set(node, name, value)  # noqa: PLW0108  # A bound method in a class body would not be bound to the Node.
        return {name: value for name, value in body.items() if is_valid_name(name) or name in SPECIAL} | {
            "__annotations__": {name: kind for name, kind in annotations.items() if is_valid_name(name)}
        }

    def _build_handler(self, name: str, description: dict[str, Any]) -> Any:
        """Return a method that passes an event to the worker, with the annotations of the submission's method.

        The laboratory finds a handler's message by its annotations and its globals, so both are rebuilt.
        """
        space: dict[str, Any] = {"call": self.call, "name": name}
        if "global" in description:
            space[description["global"][0]] = self.codec.classes[description["global"][1]]
        handler = types.FunctionType(_pass_on.__code__, space, name)
        handler.__annotations__ = {
            str(key): self.codec.classes[kind] for key, kind in description.get("hints", {}).items()
        }
        return handler

    def _getter(self, name: str) -> Callable[[Any], Any]:
        return lambda node: self.call(node, "look", (name,))

    def _begin_run(self) -> None:
        """Called when a check, a run or a search begins: the next request notifies the worker."""
        self._run_begins = True

    def _set(self, node: Any, name: str, value: Any) -> None:
        """Set a field, and mark it to be sent with the Node's next request."""
        object.__setattr__(node, name, value)
        number = self._numbers.get(node)
        if number is not None and name not in DRIVER_FIELDS and not callable(value):
            self._changed_here.setdefault(number, set()).add(name)

    def call(self, node: Any, method: str, arguments: tuple[Any, ...]) -> Any:
        """Call a method of a Node in the worker, and apply what it changed.

        Raises:
            Mistake: The Node failed.
            HandlerTimeout: It did not return.
        """
        request: dict[str, Any] = {"call": method, "with": [self.codec.encode(each) for each in arguments]}
        request |= self._identify(node)
        if self._run_begins:
            request["begins"], self._run_begins = True, False
        if self._freed:
            request["free"], self._freed = self._freed, []
        try:
            answer = self.process.request(request, lambda asked: _draw(node.random, asked))
            self.codec.add_classes(answer.get("classes"))
            return self._apply(node, answer)
        except WorkerLostError as lost:
            if lost.reason == LOOPED:
                raise _stuck(None) from lost
            raise Mistake(str(lost)) from lost
        except (CodecError, LogError, RecursionError, MemoryError, *MALFORMED) as error:
            raise Mistake("did something that the laboratory cannot interpret") from error

    def _identify(self, node: Any) -> dict[str, Any]:
        """Return the part of a request that identifies a Node and sets the fields that changed in the judge."""
        number = self._numbers.get(node)
        if number is not None:
            changed = self._changed_here.pop(number, None)
            if not changed:
                return {"id": number}
            return {"id": number, "set": {name: self.codec.encode(vars(node)[name]) for name in changed}}
        number = self._numbers[node] = self._next
        self._next += 1
        weakref.finalize(node, self._freed.append, number)
        fields = {
            name: self.codec.encode(value) for name, value in vars(node).items() if name not in ("random", "effects")
        }
        return {"id": number, "set": fields, "new": True}

    def _apply(self, node: Any, answer: dict[str, Any]) -> Any:
        """Apply an answer to the Node that stands in; return what the handler returned."""
        if "stuck" in answer:
            raise _stuck(_text(answer.get("place")))
        if "error" in answer:
            raise Mistake(str(answer["error"]), _text(answer.get("place")))
        if "value" in answer:
            return self.codec.decode(answer["value"])
        fields = vars(node)
        for name, data in answer["set"].items():
            value = self.codec.decode(data)
            if is_valid_name(name) and name not in DRIVER_FIELDS and not isinstance(value, Opaque | Log):
                fields[name] = value
            elif isinstance(value, Opaque) and is_valid_name(name) and name not in DRIVER_FIELDS:
                fields.pop(name, None) if name.startswith("on_") else fields.update({name: value})
        for name, changes in answer.get("logs", {}).items():
            if is_valid_name(name) and name not in DRIVER_FIELDS:
                self._apply_to_log(fields, name, changes)
        if "none" in answer:
            message, place = answer["none"]
            self._none_was_sent[node] = Mistake(str(message)[:MESSAGE_MAX], _text(place))
        if "effects" in answer:
            for effect in _checked_effects(self.codec.decode(answer["effects"])):
                # By the Node's own methods, because a check may replace one of them.
                getattr(node, EFFECT_METHODS[effect[0]])(*effect[1:])
        return _Returned(str(answer["returned"])) if "returned" in answer else None

    def _apply_to_log(self, fields: dict[str, Any], name: str, changes: list[Any]) -> None:
        """Make the changes to a log that the worker reports."""
        if changes and changes[0] == "all":
            log = self.codec.decode(changes[1])
            if not isinstance(log, Log):
                raise CodecError("a log that is none")
            fields[name] = log
            return
        log = fields[name]
        for kind, what in changes:
            if kind == "append":
                log.append(self.codec.decode(what))
            elif kind == "compact":
                log.compact(self.codec.decode(what))
            elif type(what) is int:
                log.truncate_after(what)


SPECIAL = ("__post_init__", "__setattr__")  # the only dunder methods that a stand-in class has


def _pass_on(self: Any, *arguments: Any) -> Any:
    return call(self, name, arguments)  # type: ignore[name-defined]  # noqa: F821  # Globals of each copy, see `_build_handler`.


def _draw(random: Any, asked: dict[str, Any]) -> float:
    """Draw from a Node's random stream for the worker."""
    if asked["draw"] == "between":
        low, high = asked["with"]
        if type(low) in (int, float) and type(high) in (int, float):
            return random.between(low, high)  # type: ignore[no-any-return]
    return random.random()  # type: ignore[no-any-return]


def _checked_effects(value: Any) -> list[Any]:
    """Return a Node's effects.

    Raises:
        Mistake: They are not a list, or one of them is not a known effect.
    """
    if not isinstance(value, list):
        raise Mistake(f"replaced its effects by {value!r}; only self.send and the like may change them")
    for effect in value:
        known = (
            isinstance(effect, tuple)
            and effect
            and isinstance(effect[0], str)
            and EFFECT_LENGTHS.get(effect[0]) == len(effect)
        )
        if not known or not isinstance(effect[1], str if effect[0] != "apply" else object):
            raise Mistake(
                f"has the effect {effect!r}, which is none of send, start_timer, cancel_timer, reply and apply"
            )
    return value


def _stuck(place: str | None) -> HandlerTimeout:
    error = HandlerTimeout()
    error.place = place  # type: ignore[attr-defined]
    return error


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(place: object) -> str | None:
    return place[:2000] if isinstance(place, str) else None


class _Returned:
    """The value that a handler returned, known only by its repr."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
