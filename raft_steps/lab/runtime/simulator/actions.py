"""Carries out the actions of a scenario.

Symbolic targets (leader, followers, crashed) are resolved here, when the action happens. An action that finds nothing
to do is noted in the trace, and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.commands import command_of_words
from raft_steps.lab.runtime.configurations import node_configuration
from raft_steps.lab.scenario.model import CHANGES, request_words, sides_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from raft_steps.lab.runtime.simulator.dispatch import Dispatcher
    from raft_steps.lab.runtime.simulator.fault_injection import FaultInjector
    from raft_steps.lab.runtime.simulator.lifecycle import Lifecycle
    from raft_steps.lab.runtime.simulator.retrying import RetryingClients
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.scenario.model import Action

PARTITION, ONE_WAY = "partition", "one way"  # what cuts a link


class Actions:
    """Carries out actions on the servers of a simulation."""

    def __init__(
        self,
        hosts: Mapping[str, SimulatedHost],
        dispatcher: Dispatcher,
        lifecycle: Lifecycle,
        faults: FaultInjector,
        *,
        retrying: RetryingClients,
        watched: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Act on these servers.

        Args:
            hosts: The servers, by name.
            dispatcher: Has the clients, and notes what an action did.
            lifecycle: Starts, crashes, pauses and resumes servers.
            faults: Changes messages in flight, the network and timers.
            retrying: Ask again until they are answered.
            watched: Lets the watchdog look at a block in which handlers run.
        """
        self._hosts, self._lifecycle, self._faults, self._watched = hosts, lifecycle, faults, watched
        self._clients, self._retrying, self._note = dispatcher.clients, retrying, dispatcher.note

    def perform(self, action: Action, *_: None) -> str:
        """Carry out an action.

        Args:
            action: The action.
            _: Nothing; a planned call has three arguments.

        Returns:
            The reply address of a client that asks; "" if no client asks, or there is no server that it could ask.
        """
        match action.verb:
            case (
                "set"
                | "delete"
                | "append"
                | "cas"
                | "get"
                | "open"
                | "transfer"
                | "members"
                | "add"
                | "remove"
                | "retry"
            ):
                return self._ask(action)
            case "crash" | "lose" | "tear" | "restart" | "pause" | "resume" | "timeout" | "snapshot":
                hosts = [host for word in action.words for host in resolve(self._hosts, word)]
                if not hosts:
                    self._note("note", text=f"{action.verb} {' '.join(action.words)}: there is none")
                for host in hosts:
                    self._change_life(action.verb, host)
            case "partition":
                self._partition(action.words)
            case "cut":
                self._cut(*action.words[0].split(">"))
            case "heal":
                for host in self._hosts.values():
                    for link in host.links.values():
                        link.mend(PARTITION, ONE_WAY)
                self._note("healed")
            case _:
                self._inject(action.verb, action.words)
        return ""

    def _ask(self, action: Action) -> str:
        """Let a client ask the server that the action names, or the leader; return the client's reply address."""
        parts = request_words(action.verb, action.words)
        assert parts is not None, "the scenario is validated"
        found = resolve(self._hosts, parts.receiver or "leader")
        request = parts.request
        if request[0] in CHANGES:
            request = self._members_after(request[0], request[1], found)
            if not request[1]:
                self._note("note", text=f"{' '.join(parts.request)}: no voter would be left, so nobody is asked")
                return ""
        if action.verb == "retry":
            with self._watched():
                return self._retrying.ask(command_of_words(*request), parts.sender, found)
        if not found:
            why = why_nobody(self._hosts)
            self._note("note", text=f"{' '.join(request)}: {why}, so nobody can be asked")
            return ""
        words = (*request, "as", parts.sender) if parts.sender else request
        with self._watched():
            return self._clients.ask(found[0], command_of_words(*words))

    def _members_after(self, verb: str, server: str, found: list[SimulatedHost]) -> tuple[str, str]:
        """Return the request for the voters that the server which is asked has now, with another one or without it."""
        started = [host for host in (*found, *self._hosts.values()) if host.node is not None]
        present = node_configuration(started[0].node).voters if started else ()
        voters = [name for name in present if name != server]
        return "members", ",".join([*voters, server] if verb == "add" else voters)

    def _change_life(self, verb: str, host: SimulatedHost) -> None:
        if verb == "timeout":
            self._faults.timeout(host)
        elif verb == "snapshot":
            self._lifecycle.take_snapshot(host)
        elif verb == "crash" and host.up:
            self._lifecycle.crash(host)
        elif verb in ("lose", "tear") and host.up:
            host.fail_next(verb)
            self._note("note", host.name, text=f"the disk of {host.name} will {verb} what its next event writes")
        elif verb == "restart" and not host.up:
            self._lifecycle.start(host)
        elif verb == "pause" and host.up and not host.paused:
            self._lifecycle.pause(host)
        elif verb == "resume" and host.paused:
            self._lifecycle.resume(host)
        else:
            self._note("note", host.name, text=f"{verb} {host.name}: it is so already")

    def _partition(self, words: tuple[str, ...]) -> None:
        sides = [[host.name for word in side for host in resolve(self._hosts, word)] for side in sides_of(words)]
        named = {name for side in sides for name in side}
        sides.append([name for name in self._hosts if name not in named])
        side_of = {name: number for number, side in enumerate(sides) for name in side}
        for host in self._hosts.values():
            for link in host.links.values():
                if side_of[link.sender] != side_of[link.receiver]:
                    link.cut(PARTITION)
                else:
                    link.mend(PARTITION)
        self._note("partitioned", sides=[side for side in sides if side])

    def _cut(self, sender: str, receiver: str) -> None:
        for host in resolve(self._hosts, sender):
            for other in resolve(self._hosts, receiver):
                if other is not host:
                    host.links[other.name].cut(ONE_WAY)
                    self._note("cut", **{"from": host.name, "to": other.name})

    def _inject(self, verb: str, words: tuple[str, ...]) -> None:
        """Inject a fault into a message in flight, or into the network."""
        match verb:
            case "drop":
                self._faults.drop(words[0])
            case "hold":
                self._faults.hold(words[0], float(words[1]))
            case "duplicate":
                self._faults.duplicate(words[0])
            case "loss":
                self._faults.set_loss(float(words[0]))
            case _:
                self._faults.set_delay(float(words[0]), float(words[1]))


def why_nobody(hosts: Mapping[str, SimulatedHost]) -> str:
    """Describe why there is no server that a client could ask: none is up, or none leads."""
    if any(host.up for host in hosts.values()):
        return "nobody leads"
    return "all servers are down" if len(hosts) > 1 else f"{next(iter(hosts))} is down"


def visible_leader(hosts: Mapping[str, SimulatedHost]) -> SimulatedHost | None:
    """Find the leader with the highest term among the servers that are up.

    In the first steps, whose nodes do not say whether they lead, any server may be asked.
    """
    leader, highest = None, -1
    for host in hosts.values():
        if host.up and getattr(host.node, "is_leader", True):
            term = getattr(host.node, "current_term", 0)
            term = term if isinstance(term, int) else 0  # A learner's Node may have anything in a field.
            if term > highest:
                leader, highest = host, term
    return leader


def resolve(hosts: Mapping[str, SimulatedHost], word: str) -> list[SimulatedHost]:
    """Find the servers that a word of an action means now."""
    match word:
        case "leader":
            leader = visible_leader(hosts)
            return [leader] if leader is not None else []
        case "followers":
            leader = visible_leader(hosts)
            return [host for host in hosts.values() if host.up and host is not leader]
        case "crashed":
            return [host for host in hosts.values() if not host.up]
        case _:
            return [hosts[word]]
