"""The judge: it holds states against predicates, and asks each predicate once about what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.state_space import Space, State

Finding = tuple[Predicate, str]  # what was found, and in which words
UNKNOWN: Any = object()


class Judge:
    """Finds the first of some predicates that finds something in a state."""

    def __init__(self, space: Space, predicates: Iterable[Predicate]) -> None:
        """Judge the states of a space."""
        self.space = space
        groups: dict[frozenset[str], list[Predicate]] = {}
        for predicate in predicates:
            groups.setdefault(predicate.looks_at, []).append(predicate)
        self._groups: list[tuple[Callable[[State], Any], list[Predicate], dict[Any, Finding | None]]] = [
            (self._key(looks_at), group, {}) for looks_at, group in groups.items()
        ]

    def _key(self, looks_at: frozenset[str]) -> Callable[[State], Any]:
        """Give what two states have in common that no predicate of a group can tell apart."""
        n, log_of = self.space.n, self.space.machine.log_of
        if "messages" in looks_at:
            return lambda state: (state[: n + 1], state[n + 2 :])
        if looks_at == {"history"}:
            return lambda state: state[n]
        if looks_at == {"nodes"}:
            return lambda state: state[:n]
        if looks_at == {"logs"}:
            return lambda state: tuple([log_of[local] for local in state[:n]])
        if looks_at == {"logs", "history"}:
            return lambda state: (state[n], *[log_of[local] for local in state[:n]])
        return lambda state: state[: n + 1]

    def find(self, state: State) -> Finding | None:
        """Give the first finding; None if there is none."""
        for key_of, group, known in self._groups:
            key = key_of(state)
            finding = known.get(key, UNKNOWN)
            if finding is UNKNOWN:
                finding = known[key] = self._ask(group, state)
            if finding is not None:
                return finding  # type: ignore[no-any-return]
        return None

    def _ask(self, group: list[Predicate], state: State) -> Finding | None:
        look = self.space.look(state)
        for predicate in group:
            if words := predicate.find(look):
                return predicate, words
        return None
