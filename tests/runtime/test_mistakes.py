"""Whose fault an error without a line of the Node is: the Node's only if its mistake can be shown.

Three drivers call a Node. In each of them, the laboratory's own error must surface as it is, whatever its type, and a
mistake of the Node must become a NodeError, wherever the laboratory trips over it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

import raft_steps
from raft_steps import COURSE, node
from raft_steps.lab.checks.runner import check
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import MessageError, NodeError
from raft_steps.lab.messages import message
from raft_steps.lab.node import Node
from raft_steps.lab.runtime import recorder
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.simulator import timers
from raft_steps.lab.runtime.simulator.network import Network
from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
from raft_steps.lab.runtime.watchdog import HandlerTimeout
from raft_steps.lab.verify.model_checker.scope import Scope
from raft_steps.lab.verify.model_checker.search import Search
from raft_steps.lab.verify.model_checker.transitions import TransitionTable
from tests.helpers.runs import changed
from tests.runtime.mistaken_nodes import failure

ERRORS = [TypeError, AttributeError, KeyError, MessageError, RecursionError, ValueError]
PLACES: list[tuple[type, str]] = [
    (Recorder, "handled"), (Recorder, "sent"), (Recorder, "event"), (Network, "send"), (timers.Timers, "start"),
    (SimulatedHost, "begin"), (SimulatedHost, "store"),
]  # fmt: skip


def raising(error: BaseException) -> Callable[..., None]:
    """Return a method that raises an error as a bug of the laboratory would: in a frame of the laboratory."""
    space: dict[str, Any] = {"error": error}
    exec(compile("def fail(*_, **__): raise error", str(recorder.__file__), "exec"), space)
    return space["fail"]  # type: ignore[no-any-return]


def made_by_exec(step: int, *members: str) -> Any:
    """Return a Node class, derived from that of a step, whose code is in no file."""
    body = "".join(textwrap.indent(f"{each}\n", "    ") for each in members)
    space: dict[str, Any] = {"step": node(step), "message": message, "raft_steps": raft_steps}
    exec(f"class Node(step):\n{body}", space)
    return space["Node"]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
@pytest.mark.parametrize("owner, name", PLACES, ids=[f"{owner.__name__}.{name}" for owner, name in PLACES])
def test_laboratory_s_own_error_surfaces(
    owner: type, name: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its type and wherever it comes up, an error of the laboratory is not blamed on a right Node."""
    bug = error("unhashable type: 'list'")
    monkeypatch.setattr(owner, name, raising(bug))
    with pytest.raises(error) as caught:
        Cluster(8, 3).run(60).set("x", 1)

    assert caught.value is bug


def test_watchdog_s_interruption_outside_a_handler_is_not_blamed_on_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption without a line of the Node is not the Node's."""
    monkeypatch.setattr(Recorder, "handled", raising(HandlerTimeout()))
    with pytest.raises(HandlerTimeout):
        Cluster(8, 3)


def test_mistake_is_always_the_node_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Mistake is raised to describe what a Node did: it needs no line."""
    monkeypatch.setattr(Recorder, "handled", raising(Mistake("did something strange")))

    with pytest.raises(NodeError, match="tom's on_start, at 0 s, did something strange"):
        Cluster(8, 3)


@pytest.mark.parametrize("error", ERRORS[:3], ids=lambda error: error.__name__)
def test_laboratory_s_own_error_ends_a_search(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds in the model checker: the search raises the error, and does not report that a Node failed."""
    monkeypatch.setattr(TransitionTable, "_timers_after", raising(bug := error("too bad")))
    with pytest.raises(error) as caught:
        Search(8, servers=2).run(Scope(timeouts={"election": 1}))

    assert caught.value is bug


ON_TIMEOUT = "def on_election_timeout(self):\n    "
MISTAKES = {
    "effects": (f"{ON_TIMEOUT}self.effects = 5", "replaced its effects by 5"),
    "effect": (f"{ON_TIMEOUT}self.effects = [5]", "has the effect 5; only self.send"),
    "effect_too_short": (f"{ON_TIMEOUT}self.effects = [('send', 'tom')]", "has the effect ('send', 'tom')"),
    "apply": (f"{ON_TIMEOUT}self.effects.append(('apply', 'set x 1'))", "applied 'set x 1'; what is applied is an entry"),
    "to_a_list": (f"{ON_TIMEOUT}self.send(['tom'], None)", "sent a message to ['tom']"),
    "timer": (f"{ON_TIMEOUT}self.start_timer([], 1)", "used a timer named []"),
    "cancelled": (f"{ON_TIMEOUT}self.cancel_timer([])", "used a timer named []"),
    "stored": (f"durable = ('log', 'x')\nx: object = None\n{ON_TIMEOUT}self.x = (i for i in ())",
               "left something in x that cannot be recorded: TypeError"),
    "signature": ("def on_election_timeout(self, now):\n    pass", "cannot be called as a handler is"),
    "no_method": ("on_election_timeout = 5", "is 5, and not a method"),
    "start": ("def on_start(self, now):\n    pass", "cannot be called as a handler is"),
    "durable": ("durable = 5", "declares durable = 5"),
    "log": ("log: object = None", "put None where its log was"),
    "factory": ("x: object\ndef on_start(self):\n    pass", "found no default value for the field x"),
    "read_only": ("@property\ndef heartbeat_interval(self):\n    return 5", "has a heartbeat_interval that cannot be set"),
}  # fmt: skip


@pytest.mark.parametrize("member, words", MISTAKES.values(), ids=MISTAKES)
def test_mistake_that_no_traceback_leads_to_is_found(member: str, words: str) -> None:
    """The laboratory trips over it, but the Node asked for it or left it: the error is a sentence about the Node."""
    with pytest.raises(NodeError) as caught:
        Cluster(made_by_exec(8, member), 3, timing="paper").run(60)

    assert words in str(caught.value)


@pytest.mark.parametrize("case", ["effects", "effect", "to_a_list", "timer", "signature", "no_method"])
def test_search_finds_the_same_mistakes(case: str) -> None:
    """In the model checker, a Node with such a mistake has failed."""
    member, words = MISTAKES[case]
    result = Search(made_by_exec(8, member), servers=2).run(Scope(timeouts={"election": 1}))

    assert words in str(result.error)


@pytest.mark.parametrize("step", [entry.number for entry in COURSE])
@pytest.mark.parametrize(
    "member", ["def on_start(self):\n    missing", "def on_client_request(self, client, request):\n    missing"]
)
def test_class_made_by_exec_fails_as_any_other(step: int, member: str) -> None:
    """An error in a class whose code is in no file fails the checks with a sentence, and is not a traceback."""
    failed = [result for result in check(made_by_exec(max(step - 1, 1), member), step).results if not result.passed]

    assert failed
    assert any(
        "NameError: name 'missing' is not defined\n  code made by exec, line " in each.message for each in failed
    )


def test_code_made_by_exec_has_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `python -c` runs has the same file name; its text is not shown as the Node's line."""
    monkeypatch.setitem(__import__("linecache").cache, "<string>", (9, None, ["wrong\n"] * 9, "<string>"))

    assert "wrong" not in str(failure(made_by_exec(8, f"{ON_TIMEOUT}missing")))


def test_right_node_of_any_kind_has_no_mistake() -> None:
    """A Node that is not Raft, with fields of any type, runs: only what cannot be recorded is refused."""

    class Odd(Node):
        """A Node with a generator in a field."""

        x: object = None

        def on_start(self) -> None:
            """Start."""
            self.x = iter(())

    Cluster(Odd, 2).run(5)
    Cluster(changed(8, x=object()), 3).run(60)


def test_constructor_of_a_message_is_the_laboratorys_code() -> None:
    """An endless loop that builds messages is named by the line that builds them, and not by "code made by exec"."""

    @message
    class Ping:
        text: str

    made: Any = Ping.__init__
    assert "raft_steps.lab.messages" == made.__globals__["__name__"]
