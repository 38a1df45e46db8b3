"""Who led in which term, and who voted for whom: what elections must keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.verify.properties import rules

# Says that a rule broke: the rule, the time in microseconds, a sentence, and the servers.
Break = Callable[..., None]


class Elections:
    """Remembers leaders and votes by term."""

    def __init__(self, broken: Break) -> None:
        """Begin without a leader.

        Args:
            broken: Whom to tell when a rule breaks.
        """
        self._broken = broken
        self._leaders: dict[int, tuple[str, int]] = {}  # who led first, and when, by term
        self._votes: dict[tuple[str, int], str] = {}  # whom a server voted for first, by server and term

    def leads(self, name: str, term: int, now: int) -> None:
        """See a server lead in a term."""
        first, since = self._leaders.setdefault(term, (name, now))
        if first != name:
            text = f"{name} leads in term {term}, and {first} has led in it since {format_seconds(since)} s."
            self._broken(rules.ELECTION_SAFETY, now, text, name, first)

    def term_moved(self, name: str, before: int, term: int, now: int) -> None:
        """See a server's term change within a life."""
        if term < before:
            text = f"{name} was in term {before} and is in term {term} now."
            self._broken(rules.TERMS_GROW, now, text, name)

    def asks(self, name: str, said: Any, now: int) -> None:
        """See a server ask for votes, which is a vote for itself.

        Args:
            name: The server.
            said: The RequestVote.
            now: The time, in microseconds.
        """
        self._votes_for(name, name, getattr(said, "term", None), now)

    def answers(self, name: str, to: str, said: Any, heard: Any, now: int) -> None:
        """See a server answer who asks for votes: it may grant its own.

        Args:
            name: The server.
            to: Whom it answers.
            said: The RequestVoteReply.
            heard: The message that it answers, if it answers one.
            now: The time, in microseconds.
        """
        if getattr(said, "vote_granted", False) is True and type(heard).__name__ == "RequestVote":
            self._votes_for(name, to, getattr(heard, "term", None), now)

    def _votes_for(self, name: str, candidate: str, term: Any, now: int) -> None:
        if type(term) is not int:
            return
        first = self._votes.setdefault((name, term), candidate)
        if first != candidate:
            whom = [_whom(name, each) for each in (first, candidate)]
            text = f"{name} voted for {whom[0]} in term {term}, and votes for {whom[1]} in the same term now."
            self._broken(rules.ONE_VOTE_PER_TERM, now, text, name, first if first != name else candidate)

    def comes_back(self, node: Any, name: str, before: int, now: int) -> None:
        """See what a server that crashed still knows of its term and its vote.

        Args:
            node: Its new node, after its first event.
            name: The server.
            before: The term that it had before the crash.
            now: The time, in microseconds.
        """
        term = getattr(node, "current_term", 0)
        vote = self._votes.get((name, term))
        if term < before:
            text = f"{name} was in term {before} before its crash and is in term {term} now."
            self._broken(rules.PROMISES_OUTLIVE_CRASHES, now, text, name)
        elif vote is not None and (known := getattr(node, "voted_for", vote)) != vote:
            knows = "no vote" if known is None else f"a vote for {_whom(name, known)}"
            text = f"{name} voted for {_whom(name, vote)} in term {term} before its crash and knows of {knows} now."
            self._broken(rules.PROMISES_OUTLIVE_CRASHES, now, text, name, *({vote} - {name}))


def _whom(name: str, candidate: str) -> str:
    return "itself" if candidate == name else candidate
