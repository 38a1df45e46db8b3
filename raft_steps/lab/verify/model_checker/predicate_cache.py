"""A cache of what predicates find, so that each is evaluated once for all states that are equal in what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.state_space import State, StateSpace

PredicateFinding = tuple[Predicate, str]  # the predicate that found something, and what it found, in words
UNKNOWN: Any = object()


class PredicateCache:
    """Finds the first of some predicates that finds something in a state."""

    def __init__(self, space: StateSpace, predicates: Iterable[Predicate]) -> None:
        """Create an empty cache for the states of a space."""
        self.space = space
        groups: dict[frozenset[str], list[Predicate]] = {}
        for predicate in predicates:
            groups.setdefault(predicate.reads, []).append(predicate)
        self._groups: list[tuple[Callable[[State], Any], list[Predicate], dict[Any, PredicateFinding | None]]] = [
            (self._key(reads), group, {}) for reads, group in groups.items()
        ]

    def _key(self, reads: frozenset[str]) -> Callable[[State], Any]:
        """Return a function of a state whose result is equal for states that are equal in these parts.

        The budget is in no key: a predicate does not see it.
        """
        n, log_of = self.space.n, self.space.table.log_of
        if "messages" in reads:
            return lambda state: (state[: n + 1], state[n + 2 :])
        if reads == {"history"}:
            return lambda state: state[n]
        if reads == {"nodes"}:
            return lambda state: state[:n]
        if reads == {"logs"}:
            return lambda state: tuple([log_of[server_state] for server_state in state[:n]])
        if reads == {"logs", "history"}:
            return lambda state: (state[n], *[log_of[server_state] for server_state in state[:n]])
        return lambda state: state[: n + 1]

    def find(self, state: State) -> PredicateFinding | None:
        """Return the finding of the first predicate that finds something; None if none does."""
        for key_of, group, known in self._groups:
            key = key_of(state)
            finding = known.get(key, UNKNOWN)
            if finding is UNKNOWN:
                finding = known[key] = self._evaluate(group, state)
            if finding is not None:
                return finding  # type: ignore[no-any-return]
        return None

    def _evaluate(self, group: list[Predicate], state: State) -> PredicateFinding | None:
        view = self.space.view(state)
        for predicate in group:
            if words := predicate.find(view):
                return predicate, words
        return None
