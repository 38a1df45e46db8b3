"""What the actions of a scenario do to a simulation.

Symbolic targets (leader, followers, crashed) are resolved here, when the action happens. An action that finds nothing
to do says so in the trace and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.commands import command_of_words
from raft_steps.lab.scenario.model import sides_of

if TYPE_CHECKING:
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.runtime.simulator.simulation import Simulation
    from raft_steps.lab.scenario.model import Action

PARTED, ONE_WAY = "partition", "one way"  # what cuts a link


def perform(simulation: Simulation, action: Action, _: object = None) -> str:
    """Carry out an action of the scenario.

    Returns:
        The reply address of a client that asks; "" where nobody asks, or nobody could be asked.
    """
    match action.verb:
        case "set" | "delete" | "get":
            return ask(simulation, action)
        case "crash" | "lose" | "tear" | "restart" | "pause" | "resume" | "timeout":
            hosts = [host for word in action.words for host in resolve(simulation, word)]
            if not hosts:
                simulation.note("note", text=f"{action.verb} {' '.join(action.words)}: there is none")
            for host in hosts:
                _change_life(simulation, action.verb, host)
        case "partition":
            _partition(simulation, action.words)
        case "cut":
            _cut(simulation, *action.words[0].split(">"))
        case "heal":
            for host in simulation.hosts.values():
                for link in host.links.values():
                    link.mend(PARTED, ONE_WAY)
            simulation.note("healed")
        case _:
            _meddle(simulation, action.verb, action.words)
    return ""


def ask(simulation: Simulation, action: Action) -> str:
    """Let a client ask: the server that the action names, or the one that leads.

    Returns:
        The client's reply address; "" if nobody could be asked.
    """
    words = action.words
    target = "leader"
    if len(words) > 2 and words[-2] == "to":
        words, target = words[:-2], words[-1]
    found = resolve(simulation, target)
    if not found:
        why = why_nobody(simulation)
        simulation.note("note", text=f"{action.verb} {' '.join(words)}: {why}, so nobody can be asked")
        return ""
    return simulation.ask(found[0], command_of_words(action.verb, *words))


def why_nobody(simulation: Simulation) -> str:
    """Say why there is no server that a client could ask: none runs, or none leads."""
    if any(host.up for host in simulation.hosts.values()):
        return "nobody leads"
    return "all servers are down" if len(simulation.hosts) > 1 else f"{next(iter(simulation.hosts))} is down"


def visible_leader(simulation: Simulation) -> SimulatedHost | None:
    """Find who leads as far as one can see: a running leader of the highest term; before there are leaders, anyone."""
    leader, highest = None, -1
    for host in simulation.hosts.values():
        if host.up and getattr(host.node, "is_leader", True):
            term = getattr(host.node, "current_term", 0)
            term = term if isinstance(term, int) else 0  # A learner's Node may hold anything in a field.
            if term > highest:
                leader, highest = host, term
    return leader


def resolve(simulation: Simulation, word: str) -> list[SimulatedHost]:
    """Find the servers that a word of an action means now."""
    match word:
        case "leader":
            leader = visible_leader(simulation)
            return [leader] if leader is not None else []
        case "followers":
            leader = visible_leader(simulation)
            return [host for host in simulation.hosts.values() if host.up and host is not leader]
        case "crashed":
            return [host for host in simulation.hosts.values() if not host.up]
        case _:
            return [simulation.hosts[word]]


def _change_life(simulation: Simulation, verb: str, host: SimulatedHost) -> None:
    if verb == "timeout":
        simulation.time_out(host)
    elif verb == "crash" and host.up:
        simulation.crash(host)
    elif verb in ("lose", "tear") and host.up:
        host.fail_next(verb)
        simulation.note("note", host.name, text=f"the disk of {host.name} will {verb} what its next event writes")
    elif verb == "restart" and not host.up:
        simulation.start(host)
    elif verb == "pause" and host.up and not host.paused:
        host.paused = True
        simulation.note("paused", host.name)
    elif verb == "resume" and host.paused:
        simulation.resume(host)
    else:
        simulation.note("note", host.name, text=f"{verb} {host.name}: it is so already")


def _partition(simulation: Simulation, words: tuple[str, ...]) -> None:
    sides = [[host.name for word in side for host in resolve(simulation, word)] for side in sides_of(words)]
    named = {name for side in sides for name in side}
    sides.append([name for name in simulation.hosts if name not in named])
    side_of = {name: number for number, side in enumerate(sides) for name in side}
    for host in simulation.hosts.values():
        for link in host.links.values():
            if side_of[host.name] != side_of[link.receiver]:
                link.cut(PARTED)
            else:
                link.mend(PARTED)
    simulation.note("partitioned", sides=[side for side in sides if side])


def _cut(simulation: Simulation, sender: str, receiver: str) -> None:
    for host in resolve(simulation, sender):
        for other in resolve(simulation, receiver):
            if other is not host:
                host.links[other.name].cut(ONE_WAY)
                simulation.note("cut", **{"from": host.name, "to": other.name})


def _meddle(simulation: Simulation, verb: str, words: tuple[str, ...]) -> None:
    """Alter a message in flight, or the network."""
    match verb:
        case "drop":
            simulation.drop(words[0])
        case "hold":
            simulation.hold(words[0], float(words[1]))
        case "duplicate":
            simulation.double(words[0])
        case "loss":
            simulation.lose_share(float(words[0]))
        case _:
            simulation.take_time(float(words[0]), float(words[1]))
