"""What an operation does to the data, and what it should answer: the sequential specification.

A model is a pure function of a state and an operation. States are immutable and can be put in a set. A model knows one
key: what happens to different keys is independent, so each is looked at by itself (Herlihy and Wing call it locality).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.history import Operation

State = Hashable


@dataclass(frozen=True, slots=True)
class Model:
    """What a key may hold, and what each operation does with it.

    Derive from it, with a `step` of your own, for data of another kind.

    Attributes:
        initial: What the key holds before anyone writes it.
    """

    name: ClassVar[str] = ""
    actions: ClassVar[frozenset[str]] = frozenset()

    initial: State = None

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """Say whether an operation may take effect now, with the answer that it got, and what the key holds then.

        Of an operation whose outcome is unknown nobody knows the answer, so any will do.
        """
        raise NotImplementedError

    def only_reads(self, operation: Operation) -> bool:
        """Say whether an operation, with the outcome that it had, changes nothing, whatever the key holds.

        A model that does not say so is right, only slower.
        """
        del operation
        return False

    def require(self, operation: Operation) -> None:
        """Refuse an operation that the model has no rule for.

        Raises:
            HistoryError: It has none.
        """
        if operation.action not in self.actions:
            known = ", ".join(sorted(self.actions))
            raise HistoryError(f"{operation.words} by {operation.client}: a {self.name} knows {known}")


class RegisterModel(Model):
    """One register: set, get and compare-and-set."""

    __slots__ = ()
    name: ClassVar[str] = "register"
    actions: ClassVar[frozenset[str]] = frozenset({"set", "get", "cas"})

    def only_reads(self, operation: Operation) -> bool:
        """Name the reads: a get, and a cas that is known not to have found what it expected."""
        return operation.is_read

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """Read, overwrite, or overwrite what is expected; a cas that answers no found something else."""
        is_known = operation.outcome == "ok"
        if operation.action == "get":
            return not is_known or operation.answer == state, state
        if operation.action == "set":
            return True, operation.value
        if state == operation.expected:
            return not is_known or operation.answer is True, operation.value
        return not is_known or operation.answer is False, state


class KeyValueModel(RegisterModel):
    """A register for each key, which can be deleted and appended to too; a get of a missing key reads `initial`."""

    __slots__ = ()
    name: ClassVar[str] = "key-value store"
    actions: ClassVar[frozenset[str]] = frozenset({"set", "get", "delete", "append", "cas"})

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """Do as a register does; forget the value; or add to it, where nothing counts as the empty text."""
        if operation.action == "delete":
            return True, self.initial
        if operation.action == "append":
            return True, operation.value if state == self.initial else f"{state}{operation.value}"
        return RegisterModel.step(self, state, operation)


def is_ours(model: Model) -> bool:
    """Say whether a model is one of these two, of which it is known what a set and a get mean."""
    return type(model) in (RegisterModel, KeyValueModel)


MODELS: Mapping[str, type[Model]] = {"register": RegisterModel, "kv": KeyValueModel}
