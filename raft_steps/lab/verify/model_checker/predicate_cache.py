"""A cache of what predicates find, so that each is evaluated once for all states that are equal in what it reads.

It also notices when a predicate looks at more than the space shows it: at messages in flight while arrivals without an
effect are left out, or at facts that the history does not keep. What the search has found so far is then worth nothing,
and it begins again in a space that shows more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.state_space import State, StateSpace
from raft_steps.lab.verify.model_checker.state_view import Looks


class LooksFurtherError(Exception):
    """A predicate looks at more than the space shows it."""

    def __init__(self, looks: Looks) -> None:
        """Store what it looks at."""
        super().__init__(looks.predicate)
        self.looks = looks


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
        for predicate in group:
            if words := self._look(predicate, state):
                return predicate, words
        return None

    def _look(self, predicate: Predicate, state: State) -> str:
        """Return what a predicate finds in a state.

        Raises:
            LooksFurtherError: It looks at more than the space shows it.
        """
        looks = Looks(predicate.name, predicate.reads)
        try:
            words = predicate.find(self.space.view(state, looks))
        except Exception as error:
            if not self.space.shows(looks):  # It may have failed because it missed what the space does not show.
                raise LooksFurtherError(looks) from error
            raise
        if not self.space.shows(looks):
            raise LooksFurtherError(looks)
        return words
