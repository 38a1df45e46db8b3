"""Which configuration is in force, who decides in it, and whether two of them can decide apart."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from raft_steps.lab.commands import Command, Configuration, Set, parse_command
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.runtime.configurations import (
    configuration_of,
    decides,
    disjoint_majorities,
    members_of,
    node_configuration,
)


def configuration(text: str) -> Configuration:
    """Parse a configuration, ``tom,jerry``."""
    parsed = parse_command(f"members {text}")
    assert isinstance(parsed, Configuration)
    return parsed


def test_the_newest_configuration_in_the_log_is_in_force() -> None:
    """Without one, the servers that the server was started with are; one further up can be asked for."""
    joint, new = configuration("tom,spike from tom,jerry"), configuration("tom,spike")
    commands: tuple[Command, ...] = (joint, Set(key="x", value="1"), new)
    log = Log(Entry(index=index, term=1, command=command) for index, command in enumerate(commands, start=1))

    assert (3, new) == configuration_of(log, ("tom", "jerry"))
    assert (1, joint) == configuration_of(log, ("tom", "jerry"), 2)
    assert (0, Configuration(voters=("tom", "jerry"))) == configuration_of(log, ("tom", "jerry"), 0)
    assert new == node_configuration(SimpleNamespace(log=log, servers=("tom", "jerry")))
    assert () == node_configuration(SimpleNamespace(servers=())).voters


@pytest.mark.parametrize(
    "text, names, decided",
    [
        ("a,b,c", "a b", True),
        ("a,b,c", "a d e", False),
        ("a,b,c,d", "a b", False),
        ("c,d,e from a,b,c", "a b c d", True),
        ("c,d,e from a,b,c", "c d e", False),
        ("c,d,e from a,b,c", "a b c", False),
    ],
)
def test_majority(text: str, names: str, decided: bool) -> None:
    """More than half of the voters decide; in a joint configuration, more than half of the old ones as well."""
    assert decided == decides(configuration(text), names.split())


def test_nobody_decides_without_voters() -> None:
    """A server that knows of no other has no majority."""
    assert not decides(Configuration(voters=()), ("a",))


def test_members_are_named_once() -> None:
    """Those from before a change come first."""
    assert ("a", "b", "c") == members_of(configuration("b,c from a,b"))


@pytest.mark.parametrize(
    "one, other, found",
    [
        ("a,b,c", "a,b,c,d", None),
        ("a,b,c", "a,b", None),
        ("a,b,c", "a,b,c,d,e", (("a", "b"), ("c", "d", "e"))),
        ("a,b,c", "a", (("b", "c"), ("a",))),
        ("a,b,c", "d,e from a,b,c", None),
        ("d,e from a,b,c", "d,e", None),
        ("a,b,c", "c,d,e from c", (("a", "b"), ("c", "d", "e"))),
        ("a,b,c", "c,d,e from b,c", None),
    ],
)
def test_disjoint_majorities(one: str, other: str, found: object) -> None:
    """A joint configuration shares a server with every majority before and after it; a direct switch may not."""
    result = disjoint_majorities(configuration(one), configuration(other))

    assert (found is None) == (result is None)
    if result is not None:
        first, second = result
        assert decides(configuration(one), first)
        assert decides(configuration(other), second)
        assert not set(first) & set(second)
