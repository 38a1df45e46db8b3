"""The rules about elections: the leader of each term, and the votes in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.verify.properties import rules

# Reports that a rule is broken: the rule, the time in microseconds, a sentence, and the servers.
ReportBroken = Callable[..., None]


class ElectionRules:
    """Remembers leaders and votes by term, and compares each new one with them."""

    def __init__(self, report: ReportBroken) -> None:
        """Start before the first election.

        Args:
            report: Called when a rule is broken.
        """
        self._report = report
        self._leaders: dict[int, tuple[str, int]] = {}  # who led first, and since when, by term
        self._votes: dict[tuple[str, int], str] = {}  # the first candidate that a server voted for, by server and term

    def check_leader(self, name: str, term: int, now_us: int) -> None:
        """Check a server that begins to lead in a term."""
        first, since_us = self._leaders.setdefault(term, (name, now_us))
        if first != name:
            text = f"{name} leads in term {term}, and {first} has led in it since {format_seconds(since_us)} s."
            self._report(rules.ELECTION_SAFETY, now_us, text, name, first)

    def check_term(self, name: str, before: int, term: int, now_us: int) -> None:
        """Check a server whose term changes while it runs."""
        if term < before:
            text = f"{name} was in term {before} and is in term {term} now."
            self._report(rules.TERMS_GROW, now_us, text, name)

    def check_candidacy(self, name: str, request: Any, now_us: int) -> None:
        """Check a server that asks for votes: a candidate votes for itself.

        Args:
            name: The server.
            request: The RequestVote that it sends.
            now_us: The time in microseconds.
        """
        self._check_vote(name, name, getattr(request, "term", None), now_us)

    def check_reply(self, name: str, to: str, reply: Any, request: Any, now_us: int) -> None:
        """Check a server that replies to a candidate: it may grant its vote.

        Args:
            name: The server.
            to: The server that it replies to.
            reply: The RequestVoteReply that it sends.
            request: The message that it handles, if it handles one.
            now_us: The time in microseconds.
        """
        # The reply's term is the voter's. The term of the vote is the candidate's, so it is read from the request.
        if getattr(reply, "vote_granted", False) is True and type(request).__name__ == "RequestVote":
            self._check_vote(name, to, getattr(request, "term", None), now_us)

    def _check_vote(self, name: str, candidate: str, term: Any, now_us: int) -> None:
        if type(term) is not int:
            return
        first = self._votes.setdefault((name, term), candidate)
        if first != candidate:
            one, other = (_candidate(name, each) for each in (first, candidate))
            text = f"{name} voted for {one} in term {term}, and votes for {other} in the same term now."
            self._report(rules.ONE_VOTE_PER_TERM, now_us, text, name, first if first != name else candidate)

    def check_restart(self, node: Any, name: str, before: int, now_us: int) -> None:
        """Check the term and the vote that a server has after a crash.

        Args:
            node: Its new node, after its first event.
            name: The server.
            before: The term that it had before the crash.
            now_us: The time in microseconds.
        """
        term = getattr(node, "current_term", 0)
        vote = self._votes.get((name, term))
        if term < before:
            text = f"{name} was in term {before} before its crash and is in term {term} now."
            self._report(rules.PROMISES_OUTLIVE_CRASHES, now_us, text, name)
        elif vote is not None and (stored := getattr(node, "voted_for", vote)) != vote:
            now = "has forgotten its vote" if stored is None else f"its vote is for {_candidate(name, stored)} now"
            text = f"{name} voted for {_candidate(name, vote)} in term {term} before its crash, and {now}."
            self._report(rules.PROMISES_OUTLIVE_CRASHES, now_us, text, name, *({vote} - {name}))


def _candidate(voter: str, candidate: str) -> str:
    return "itself" if candidate == voter else candidate
