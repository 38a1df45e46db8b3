"""The sequential specification: what an operation does to the data, and what it should answer.

A model is a pure function of a state and an operation. States are immutable and hashable. A model describes one key:
different keys are independent, so the check partitions a history by key (Herlihy and Wing call this locality).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import ClassVar, assert_never

from raft_steps.lab.commands import Append, CompareAndSet, Delete, Set, Write
from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.history import Operation

State = Hashable


@dataclass(frozen=True, slots=True)
class Model:
    """What a key may hold, and what each operation does to it.

    For data of another kind, define a subclass with another `step`.

    Attributes:
        initial: What the key holds before the first write.
    """

    name: ClassVar[str] = ""
    actions: ClassVar[frozenset[str]] = frozenset()

    initial: State = None

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """Return whether an operation may take effect now with the answer that it got, and what the key holds then.

        The answer of an operation with an unknown outcome is not known, so any answer is right.
        """
        raise NotImplementedError

    def only_reads(self, operation: Operation) -> bool:
        """Return whether an operation, with the outcome that it had, changes nothing, whatever the key holds.

        False is always right, but makes the search slower.
        """
        del operation
        return False

    def require(self, operation: Operation) -> None:
        """Check that the model has a rule for an operation.

        Raises:
            HistoryError: It has none.
        """
        if operation.action not in self.actions:
            known = ", ".join(sorted(self.actions))
            raise HistoryError(f"{operation.request} by {operation.client}: a {self.name} has only {known}")


class RegisterModel(Model):
    """One register: set, get and compare-and-set."""

    __slots__ = ()
    name: ClassVar[str] = "register"
    actions: ClassVar[frozenset[str]] = frozenset({"set", "get", "cas"})

    def only_reads(self, operation: Operation) -> bool:
        """Return whether an operation is a get, or a cas that is known not to have found what it expected."""
        return operation.is_read

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """Read, write, or replace the expected value; a cas that answers no found another value."""
        is_known = operation.outcome == "ok"
        if operation.action == "get":
            return not is_known or operation.answer == state, state
        if operation.action == "set":
            return True, operation.value
        if state == operation.expected:
            return not is_known or operation.answer is True, operation.value
        return not is_known or operation.answer is False, state


class KeyValueModel(RegisterModel):
    """A register for each key, with delete and append as well; a get of a missing key reads `initial`."""

    __slots__ = ()
    name: ClassVar[str] = "key-value store"
    actions: ClassVar[frozenset[str]] = frozenset({"set", "get", "delete", "append", "cas"})

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """Do what a register does, delete the value, or append to it; a missing value counts as the empty text.

        An append whose answer is known has answered what the key holds after it.
        """
        if operation.action == "delete":
            return True, self.initial
        if operation.action == "append":
            after = operation.value if state == self.initial else f"{state}{operation.value}"
            return operation.answer in (None, after), after
        return RegisterModel.step(self, state, operation)


def value_after(before: str | None, command: Write) -> str | None:
    """Return what a key holds after a write."""
    match command:
        case Set():
            return command.value
        case Delete():
            return None
        case Append():
            return (before or "") + command.value
        case CompareAndSet():
            return command.value if before == command.expected else before
        case _:
            assert_never(command)


def is_built_in(model: Model) -> bool:
    """Return whether a model is exactly one of the two above; in a subclass, a set or a get may mean something else."""
    return type(model) in (RegisterModel, KeyValueModel)


MODELS: Mapping[str, type[Model]] = {"register": RegisterModel, "kv": KeyValueModel}
