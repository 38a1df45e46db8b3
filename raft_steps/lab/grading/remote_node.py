"""Stand-ins: a Node class that the checks, a sweep and a search take for the submission's, and that has none of its code.

Each event goes to the submission's process (`session`), and comes back as plain data: fields that changed, what was
appended to a log, what is to be sent. So whatever runs over there, the rules are applied here.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from raft_steps.lab.errors import LogError
from raft_steps.lab.grading.codec import Opaque, WireError
from raft_steps.lab.grading.judge_codec import NONSENSE, JudgeWire, default, is_name
from raft_steps.lab.grading.worker_process import LOOPED, Lost, Session
from raft_steps.lab.log import Log
from raft_steps.lab.node import Node, removed
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.runtime.watchdog import NOT_BACK, HandlerTimeout

OWN = frozenset({"name", "servers", "random", "effects"})
SHAPES = {"send": 3, "start": 3, "cancel": 2, "reply": 3, "apply": 2}
METHODS = {"send": "send", "start": "start_timer", "cancel": "cancel_timer", "reply": "reply", "apply": "apply"}
WORDS_MAX = 500


class Remote:
    """The Nodes of one submission, held elsewhere.

    Attributes:
        session: The process that holds them.
        wire: The classes that both ends know.
    """

    def __init__(self, session: Session) -> None:
        """Use this process."""
        self.session, self.wire = session, JudgeWire()
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._touched: dict[int, set[str]] = {}
        self._gone: list[int] = []
        self._next = 0
        self._check_begins = False
        self._none_was_sent: weakref.WeakKeyDictionary[Any, Mistake] = weakref.WeakKeyDictionary()

    def load(self, request: dict[str, Any]) -> Any:
        """Load a submission, and give the class that stands in for its Node.

        Raises:
            Mistake: It cannot be loaded; the message says why.
        """
        try:
            answer = self.session.ask(request)
            if "node" not in answer:
                words = f"{NOT_BACK} within a second: an endless loop?" if "stuck" in answer else answer["error"]
                raise Mistake(str(words)[:WORDS_MAX], _text(answer.get("place")))
            self.wire.learn(answer.get("classes"))
            return self._class(answer)
        except Lost as lost:
            raise Mistake(f"the submission {lost}") from lost
        except (WireError, RecursionError, *NONSENSE) as error:
            raise Mistake("the Node cannot be described in words") from error

    def _class(self, said: dict[str, Any]) -> Any:
        made: Any = Node
        for base in said["node"]:
            hears = {name: self._handler(name, heard) for name, heard in base["hears"].items() if is_name(name)}
            last = base is said["node"][-1]
            body = hears | ({} if not last else self._members(said))
            name = base["name"] if is_name(base["name"]) else "Node"
            made = type(name, (made,), {"__module__": str(base["module"]), "__annotations__": {}} | body)
        return made

    def _members(self, said: dict[str, Any]) -> dict[str, Any]:
        """Give the fields of a Node and what else belongs to its class."""
        body: dict[str, Any] = {"durable": self.wire.decode(said["durable"])}
        annotations: dict[str, Any] = {}
        for name, data in said["constants"].items():
            body[name] = self.wire.decode(data)
            annotations[name] = ClassVar[Any]
        body |= dict.fromkeys(said["hides"])
        body |= {name: property(self._look(name)) for name in said["looks"]}
        for name, how, data in said["fields"]:
            annotations[name], made = Any, default(how, data, self.wire)
            if how == "value":
                body[name] = self.wire.decode(data)
            elif how != "none":
                body[name] = made
        body |= {name: removed(str(why)) for name, why in said["removed"].items()}
        annotations |= dict.fromkeys(said["removed"], Any)
        if said["post_init"]:
            body["__post_init__"] = lambda node: self.call(node, "__post_init__", ())
        body["_check_begins"] = staticmethod(self._begin_check)
        body["_none_was_sent"] = lambda node: self._none_was_sent.get(node) or Mistake("sent None, which is no message")
        body["__setattr__"] = lambda node, name, value: self._set(node, name, value)  # noqa: PLW0108  # A method is no function.
        return {name: value for name, value in body.items() if is_name(name) or name in KEPT} | {
            "__annotations__": {name: kind for name, kind in annotations.items() if is_name(name)}
        }

    def _handler(self, name: str, said: dict[str, Any]) -> Any:
        """Give a method that passes an event on, annotated as the submission's is."""
        space: dict[str, Any] = {"call": self.call, "name": name}
        if "global" in said:
            space[said["global"][0]] = self.wire.classes[said["global"][1]]
        made = types.FunctionType(_pass_on.__code__, space, name)
        made.__annotations__ = {str(key): self.wire.classes[kind] for key, kind in said.get("hints", {}).items()}
        return made

    def _look(self, name: str) -> Callable[[Any], Any]:
        return lambda node: self.call(node, "look", (name,))

    def _begin_check(self) -> None:
        """Let the next request say that a check begins."""
        self._check_begins = True

    def _set(self, node: Any, name: str, value: Any) -> None:
        """Set a field, and remember to tell of it."""
        object.__setattr__(node, name, value)
        number = self._numbers.get(node)
        if number is not None and name not in OWN and not callable(value):
            self._touched.setdefault(number, set()).add(name)

    def call(self, node: Any, method: str, arguments: tuple[Any, ...]) -> Any:
        """Let an event reach a Node, and take over what it changed.

        Raises:
            Mistake: The Node failed.
            HandlerStuck: It did not come back.
        """
        request: dict[str, Any] = {"call": method, "with": [self.wire.encode(each) for each in arguments]}
        request |= self._known(node)
        if self._check_begins:
            request["check"], self._check_begins = True, False
        if self._gone:
            request["free"], self._gone = self._gone, []
        try:
            answer = self.session.ask(request, lambda asked: _draw(node.random, asked))
            self.wire.learn(answer.get("classes"))
            return self._take_over(node, answer)
        except Lost as lost:
            if lost.why == LOOPED:
                raise _stuck(None) from lost
            raise Mistake(str(lost)) from lost
        except (WireError, LogError, RecursionError, MemoryError, *NONSENSE) as error:
            raise Mistake("did something that the laboratory can make no sense of") from error

    def _known(self, node: Any) -> dict[str, Any]:
        """Say which Node is meant, and what the judge has changed in it."""
        number = self._numbers.get(node)
        if number is not None:
            touched = self._touched.pop(number, None)
            if not touched:
                return {"id": number}
            return {"id": number, "set": {name: self.wire.encode(vars(node)[name]) for name in touched}}
        number = self._numbers[node] = self._next
        self._next += 1
        weakref.finalize(node, self._gone.append, number)
        fields = {
            name: self.wire.encode(value) for name, value in vars(node).items() if name not in ("random", "effects")
        }
        return {"id": number, "set": fields, "new": True}

    def _take_over(self, node: Any, answer: dict[str, Any]) -> Any:
        if "stuck" in answer:
            raise _stuck(_text(answer.get("place")))
        if "error" in answer:
            raise Mistake(str(answer["error"]), _text(answer.get("place")))
        if "value" in answer:
            return self.wire.decode(answer["value"])
        held = vars(node)
        for name, data in answer["set"].items():
            value = self.wire.decode(data)
            if is_name(name) and name not in OWN and not isinstance(value, Opaque | Log):
                held[name] = value
            elif isinstance(value, Opaque) and is_name(name) and name not in OWN:
                held.pop(name, None) if name.startswith("on_") else held.update({name: value})
        for name, changes in answer.get("logs", {}).items():
            if is_name(name) and name not in OWN:
                self._follow(held, name, changes)
        if "none" in answer:
            words, place = answer["none"]
            self._none_was_sent[node] = Mistake(str(words)[:WORDS_MAX], _text(place))
        if "effects" in answer:
            for effect in _effects(self.wire.decode(answer["effects"])):
                # By the Node's own methods: a check may listen at one of them.
                getattr(node, METHODS[effect[0]])(*effect[1:])
        return _Returned(str(answer["returned"])) if "returned" in answer else None

    def _follow(self, held: dict[str, Any], name: str, changes: list[Any]) -> None:
        """Do to a log what was done to it over there."""
        if changes and changes[0] == "all":
            held[name] = Log([self.wire.decode(entry) for entry in changes[1:]])
            return
        log = held[name]
        for kind, what in changes:
            if kind == "append":
                log.append(self.wire.decode(what))
            elif type(what) is int:
                log.truncate_after(what)


KEPT = ("__post_init__", "__setattr__")


def _pass_on(self: Any, *arguments: Any) -> Any:
    return call(self, name, arguments)  # type: ignore[name-defined]  # noqa: F821  # Each copy has its own.


def _draw(random: Any, asked: dict[str, Any]) -> float:
    """Draw from a Node's chance for the process that holds the Node."""
    if asked["draw"] == "between":
        low, high = asked["with"]
        if type(low) in (int, float) and type(high) in (int, float):
            return random.between(low, high)  # type: ignore[no-any-return]
    return random.random()  # type: ignore[no-any-return]


def _effects(value: Any) -> list[Any]:
    """Hold what a Node wants done against what there is."""
    if not isinstance(value, list):
        raise Mistake(f"put {value!r} where its effects were; they are filled by self.send and the like")
    for effect in value:
        known = (
            isinstance(effect, tuple) and effect and isinstance(effect[0], str) and SHAPES.get(effect[0]) == len(effect)
        )
        if not known or not isinstance(effect[1], str if effect[0] != "apply" else object):
            raise Mistake(f"wants {effect!r} done, which is none of send, start_timer, cancel_timer, reply and apply")
    return value


def _stuck(place: str | None) -> HandlerTimeout:
    error = HandlerTimeout()
    error.place = place  # type: ignore[attr-defined]
    return error


def _text(place: object) -> str | None:
    return place[:2000] if isinstance(place, str) else None


class _Returned:
    """What a handler gave back, as it is spelled."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
