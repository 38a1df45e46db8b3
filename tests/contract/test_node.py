"""The base of every node: fields, effects and timers, and the mistakes that it turns down at once."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any

import pytest

from raft_steps import node as node_of
from raft_steps.lab import node
from raft_steps.lab.commands import Ok
from raft_steps.lab.log import Entry
from raft_steps.lab.node import Removed, removed
from raft_steps.lab.random_stream import RandomStream

ENTRY = Entry(index=1, term=1, command=None)


def build(node_class: type, name: str = "tom", servers: tuple[str, ...] = ("tom", "jerry", "spike")) -> Any:
    """Build a node as a driver would."""
    return node_class(name=name, servers=servers, random=RandomStream(0))


def test_effects_are_kept_in_order() -> None:
    """A handler does nothing itself: what it wants done is written down, in order."""
    tom = build(node.Node)
    tom.send("jerry", "a")
    tom.broadcast("b")
    tom.start_timer("election", 8)
    tom.cancel_timer("heartbeat")
    tom.reply("client#1", Ok())
    tom.apply(ENTRY)

    assert [
        ("send", "jerry", "a"),
        ("send", "jerry", "b"),
        ("send", "spike", "b"),
        ("start", "election", 8),
        ("cancel", "heartbeat"),
        ("reply", "client#1", Ok()),
        ("apply", ENTRY),
    ] == tom.effects


def test_peers_are_the_others() -> None:
    """A node's peers are all servers but itself, in their order; one server alone has none."""
    assert ["tom", "spike"] == build(node.Node, "jerry").peers()
    assert [] == build(node.Node, "tom", ("tom",)).peers()


def test_class_is_enough() -> None:
    """A subclass becomes a keyword-only dataclass without a decorator, and keeps its parents' fields."""

    class Counting(node.Node):
        count: int = 0
        seen: set[str] = field(default_factory=set)

    tom, jerry = build(Counting), build(Counting, "jerry")
    tom.seen.add("x")

    assert {"name", "servers", "random", "effects", "count", "seen"} == {each.name for each in fields(Counting)}
    assert (0, set()) == (jerry.count, jerry.seen)


def test_nodes_are_compared_by_identity() -> None:
    """Two servers that hold the same are two servers."""
    tom = build(node.Node)

    assert tom == tom  # noqa: PLR0124
    assert tom != build(node.Node)


@pytest.mark.parametrize("value, kind", [([], "list"), ({}, "dict"), (set(), "set")])
def test_shared_default_is_refused(value: object, kind: str) -> None:
    """A list, dict or set as a default would be shared by all servers; the error shows how to write it."""
    with pytest.raises(TypeError, match=rf"votes: {kind} = field\(default_factory={kind}\)"):
        type("Mine", (node.Node,), {"votes": value, "__annotations__": {"votes": kind}})


def test_shared_default_is_refused_without_annotation() -> None:
    """The same holds for a name without an annotation, which is not a field."""
    with pytest.raises(TypeError, match="shared by all servers"):
        type("Mine", (node.Node,), {"votes": []})


@pytest.mark.parametrize("value", [["log", "current_term"], {"log"}], ids=["list", "set"])
def test_durable_is_a_tuple(value: object) -> None:
    """A durable list in the wrong brackets needs no factory: the error shows the right brackets."""
    with pytest.raises(TypeError) as refused:
        type("Mine", (node.Node,), {"durable": value})

    advice = 'durable is a tuple of names: write durable = ("log", "current_term", "voted_for"), in round brackets'
    assert advice == str(refused.value)


def test_constructor_is_refused() -> None:
    """A node has no __init__: it begins in on_start, in every life."""
    with pytest.raises(TypeError, match="which a Node may not have: declare fields, and start in on_start"):
        type("Mine", (node.Node,), {"__init__": lambda self: None})


def test_slots_are_refused() -> None:
    """A node has no __slots__: they would hide the fields of the step before."""
    with pytest.raises(TypeError, match="declare fields at class level"):
        type("Mine", (node.Node,), {"__slots__": ()})


def test_removed_field_says_why() -> None:
    """Reading or setting a field that a step removed raises an error with the reason."""

    class Before(node.Node):
        candidate: bool = False

    class After(Before):
        candidate = removed("nobody ever read it")

    tom = build(After)

    with pytest.raises(AttributeError, match="candidate is gone: nobody ever read it"):
        tom.candidate = True
    with pytest.raises(AttributeError, match="candidate is gone: nobody ever read it"):
        print(tom.candidate)
    assert isinstance(After.candidate, Removed)
    assert "candidate" not in {each.name for each in fields(After)}


def test_removed_field_stays_removed() -> None:
    """A class built on one that removed a field does not get it back; one that declares it again does."""
    last_step: Any = node_of(8)

    class Mine(last_step):
        pass

    class Again(last_step):
        is_candidate: bool = False

    with pytest.raises(AttributeError, match="is_candidate is gone"):
        build(Mine).is_candidate = True
    assert build(Again).is_candidate is False


def test_removed_method_says_why() -> None:
    """A method can be taken away in the same way."""

    class Before(node.Node):
        def show(self) -> None:
            """Show something."""

    class After(Before):
        show = removed("use print")

    with pytest.raises(AttributeError, match="show is gone: use print"):
        build(After).show()


def test_nothing_is_durable_at_first() -> None:
    """The base knows nothing that should survive a crash; step 1 says that the log does."""
    assert () == node.Node.durable
    assert ("log",) == node_of(1).durable
