"""The watch that holds every event of a run against the properties.

At every event it glances at term, role, commit index and effects. Only where one of them moved is there more to do,
and that takes as long as what is new: an entry is compared with the first one of its index and term, a leader with
the first one of its term. Two logs that agree on every entry's predecessor agree up to there, so no log is ever
compared as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from raft_steps.lab.commands import Ok, Request
from raft_steps.lab.log import FIRST_ENTRY, Entry
from raft_steps.lab.verify.properties import rules
from raft_steps.lab.verify.properties.elections import Elections
from raft_steps.lab.verify.properties.logs import Logs, log_of
from raft_steps.lab.verify.properties.rules import Rule
from raft_steps.lab.verify.properties.violation import PropertyBroken, Violation

if TYPE_CHECKING:
    from raft_steps.lab.log import Change
    from raft_steps.lab.runtime.host import Host


class Seen:
    """What is remembered of one server: how it was after its last event.

    Attributes:
        begun: Whether it has handled an event in this life.
        has_commit_index: Whether its node has a commit index.
        lives: How often it was started.
        term: Its current term.
        leads: Whether it led.
        commit_index: Its commit index; 0 for a node that has none.
        last: The last entry of its log.
    """

    __slots__ = ("begun", "commit_index", "has_commit_index", "last", "leads", "lives", "term")

    def __init__(self) -> None:
        """Begin without a life."""
        self.begun, self.has_commit_index, self.lives = False, False, 0
        self.term, self.leads, self.commit_index = 0, False, 0
        self.last = FIRST_ENTRY


class Properties:
    """Holds a run against the properties.

    Attributes:
        violations: The first violation of each rule that broke, by the rule's name, in the order in which they broke.
        elections: How often a server began to lead.
    """

    def __init__(self, stop_at: Iterable[Rule] = ()) -> None:
        """Watch one run.

        Args:
            stop_at: The rules whose violation ends the run, by a `PropertyBroken`.
        """
        self.violations: dict[str, Violation] = {}
        self.elections = 0
        self._stop_at = frozenset(rule.name for rule in stop_at)
        self._hosts: dict[str, Host] = {}
        self._seen: dict[str, Seen] = {}
        self._requests: dict[str, Request] = {}
        self._no_votes: set[type] = set()  # the classes of messages that have nothing to do with votes
        self._elections = Elections(self._break)
        self._logs = Logs(self._hosts, self._break)

    def begins(self, host: Host) -> None:
        """Hear that a life begins."""
        self._hosts[host.name] = host
        seen = self._seen.setdefault(host.name, Seen())
        seen.begun, seen.lives = False, seen.lives + 1

    def asked(self, client: str, request: Request) -> None:
        """Hear what a client asks."""
        self._requests[client] = request

    def handled(self, host: Host, now: int, message: object | None, changes: list[Change] | None) -> None:
        """Look at a node that has handled an event, and at its effects before they leave.

        Raises:
            PropertyBroken: The event broke a rule that ends the run.
        """
        node, seen = host.node, self._seen[host.name]
        if not seen.begun:
            self._begun(host, seen, now)
        try:
            term, leads = node.current_term, node.is_leader
        except AttributeError:
            term, leads = _term_and_role(node)
        if changes is not None or term != seen.term or leads != seen.leads:
            self._moved(host, seen, now, changes)
        if seen.has_commit_index and (commit_index := getattr(node, "commit_index", 0)) != seen.commit_index:
            self._commit_index_moved(host, seen, now, commit_index)
        asked = None  # A call for votes goes to everybody, and is looked at once.
        for effect in node.effects:
            kind = effect[0]
            if kind == "send":
                said = effect[2]
                if type(said) not in self._no_votes and said is not asked:
                    asked = self._sends(host.name, effect[1], said, message, now)
            elif kind == "apply":
                self._logs.applies(host.name, effect[1], now)
            elif kind == "reply":
                request = self._requests.pop(effect[1], None)
                if request is not None and isinstance(effect[2], Ok):
                    self._logs.acknowledges(host, request, now)

    def _sends(self, name: str, to: str, said: object, heard: object | None, now: int) -> object | None:
        """See a server send what may be about votes; give it back if it calls for them."""
        word = type(said).__name__
        if word == "RequestVote":
            self._elections.asks(name, said, now)
            return said
        if word == "RequestVoteReply":
            self._elections.answers(name, to, said, heard, now)
        else:
            self._no_votes.add(type(said))
        return None

    def failed(self, host: Host) -> None:
        """Hear that a server went down in the middle of an event: what its disk took of it counts."""
        self._seen[host.name].last = _last_of(host)

    def _begun(self, host: Host, seen: Seen, now: int) -> None:
        """See the first event of a life."""
        if seen.lives == 1:
            self._logs.hold(host, now)
        else:
            self._elections.comes_back(host.node, host.name, seen.term, now)
            self._logs.comes_back(host, seen.last, now)
        seen.begun, seen.last = True, _last_of(host)
        seen.term, seen.leads = _term_and_role(host.node)[0], False
        seen.has_commit_index, seen.commit_index = (
            hasattr(host.node, "commit_index"),
            getattr(host.node, "commit_index", 0),
        )

    def _moved(self, host: Host, seen: Seen, now: int, changes: list[Change] | None) -> None:
        """See a term, a role or a log change; a Node may begin to have a commit index with it."""
        term, leads = _term_and_role(host.node)
        name, seen.has_commit_index = host.name, hasattr(host.node, "commit_index")
        if term != seen.term:
            self._elections.term_moved(name, seen.term, term, now)
        if changes is not None:
            if leads and seen.leads:
                self._logs.leader_changed(host, seen.last, changes, now)
            self._logs.changed(host, changes, now)
            seen.last = _last_of(host)
        if leads and (not seen.leads or term != seen.term):
            self.elections += not seen.leads
            self._elections.leads(name, term, now)
            self._logs.leads(host, term, now)
        seen.term, seen.leads = term, leads

    def _commit_index_moved(self, host: Host, seen: Seen, now: int, commit_index: int) -> None:
        if commit_index < seen.commit_index:
            text = f"{host.name} had committed up to index {seen.commit_index}, and is at {commit_index} now."
            self._break(rules.COMMIT_INDEX_GROWS, now, text, host.name)
        elif getattr(host.node, "is_leader", False):
            self._logs.commits(host, commit_index, now)
        seen.commit_index = commit_index

    def _break(self, rule: Rule, now: int, text: str, *servers: str) -> None:
        if rule.name in self.violations:
            return
        violation = Violation(rule=rule, time=now, servers=servers, text=text)
        self.violations[rule.name] = violation
        if rule.name in self._stop_at:
            raise PropertyBroken(violation)


def _term_and_role(node: Any) -> tuple[Any, Any]:
    """Give a node's term and whether it leads; in the first steps a node has no role."""
    return getattr(node, "current_term", 0), getattr(node, "is_leader", False)


def _last_of(host: Host) -> Entry:
    log = log_of(host)
    return log[log.last_index]
