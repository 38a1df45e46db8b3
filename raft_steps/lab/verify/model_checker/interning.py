"""The interning table: a small number for every server state, packet, set of facts and history that a search meets.

Equal values have the same number, so a state of the cluster is a short tuple of numbers, and two states are equal if
their tuples are: the set of visited states costs little memory, and what is known of a part of a state is looked up by
its number. Numbers are given out in the order in which values are met, which is the same in every run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from raft_steps.lab.log import Log
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.launching import known_servers
from raft_steps.lab.runtime.recorder import NOT_STATE
from raft_steps.lab.verify.model_checker.facts import NO_FACTS, Fact, add_facts
from raft_steps.lab.verify.model_checker.freezing import ValueFreezer
from raft_steps.lab.verify.model_checker.state_view import PacketView, ServerView

# Fields that the driver of a node sets, and that are not part of its state: its name, its servers, its random stream,
# its effects. All others count, including those that a learner adds and never declares. The log is among the recorder's
# exceptions because a trace records its changes; here it is a part of the state.
DRIVER_FIELDS = NOT_STATE - {"log"}

Transition = tuple[int, tuple[int, ...], int]  # numbers: the server state after an event, the packets sent, the facts


class DeterministicStream(RandomStream):
    """A random stream without chance: the first draw is the lowest of its range, the next ones spread evenly over it.

    The draws are the van der Corput sequence in base 2: 0, 1/2, 1/4, 3/4, … They differ, so a handler that draws until
    the value differs from an earlier one returns.
    """

    __slots__ = ("drawn",)

    def __init__(self) -> None:
        """Begin at the low end of the range."""
        super().__init__(0)
        self.drawn = 0
        self.random = self._next

    def _next(self) -> float:
        number, share, digit = self.drawn, 0.0, 0.5
        self.drawn += 1
        while number:
            number, bit = divmod(number, 2)
            share, digit = share + bit * digit, digit / 2
        return share


class FrozenServerState(NamedTuple):
    """The complete state of one server.

    Attributes:
        server: Its index among the servers.
        up: Whether it runs.
        fields: The fields of its node, frozen, by name; empty while it is down.
        timers: The names of its running timers, sorted. When they are due is not part of a state.
        immediate: The names of those among them that were started for zero seconds, sorted.
        disk: What its disk holds, frozen, by name; empty while it runs, because its durable fields hold the same.
    """

    server: int
    up: bool
    fields: tuple[tuple[str, Any], ...]
    timers: tuple[str, ...]
    immediate: tuple[str, ...]
    disk: tuple[tuple[str, Any], ...]


class InterningTable:
    """The numbers of one cluster, and what each of them stands for.

    A packet is a message together with its sender and its receiver.

    Attributes:
        servers: The names of the servers.
        members: Those that make up the cluster at first.
        freezer: Freezes and thaws the fields of the nodes.
        server_states: The server states, by their numbers. The next six lists are parallel to it.
        timers: The running timers of each.
        immediate: Those of them that were started for zero seconds.
        up: Whether each runs.
        leads: Whether each believes that it leads. In steps without leaders, every server that runs takes requests.
        log_of: A number for the log of each.
        deliveries: For each, the transitions of arriving packets that were computed so far, by packet.
        sender: The sender of each packet, by the packet's number. The next two lists are parallel to it.
        receiver: The receiver of each packet.
        messages: The message of each packet.
        facts: The sets of facts of transitions, by their numbers; number 0 is the empty one.
        histories: The histories, by their numbers; number 0 is the empty one.
    """

    def __init__(self, node_class: type, servers: tuple[str, ...], members: tuple[str, ...]) -> None:
        """Create a table that holds no server state and no packet."""
        self.node_class, self.servers, self.members = node_class, servers, members
        self.freezer = ValueFreezer(servers)
        self.server_states: list[FrozenServerState] = []
        self.timers: list[tuple[str, ...]] = []
        self.immediate: list[tuple[str, ...]] = []
        self.up: list[bool] = []
        self.leads: list[bool] = []
        self.log_of: list[int] = []
        self.deliveries: list[dict[int, Transition]] = []
        self.sender: list[int] = []
        self.receiver: list[int] = []
        self.messages: list[Any] = []
        self.facts: list[tuple[Fact, ...]] = []
        self.histories: list[frozenset[Fact]] = []
        # One dictionary for all kinds of values. Server states are NamedTuples; the other keys begin with their kind.
        self._numbers: dict[Any, int] = {}
        self._server_views: dict[int, ServerView] = {}
        self._packet_views: dict[int, PacketView] = {}
        self._extended: dict[tuple[int, int], int] = {}
        self.intern_facts(())
        self.intern_history(NO_FACTS)

    # From values to numbers.

    def intern_server(self, server_state: FrozenServerState) -> int:
        """Return the number of a server state."""
        number = self._numbers.get(server_state)
        if number is None:
            unused = server_state.disk if server_state.up else server_state.fields or server_state.timers
            assert not unused, "equal servers would get two numbers"
            number = self._numbers[server_state] = len(self.server_states)
            self.server_states.append(server_state)
            self.timers.append(server_state.timers)
            self.immediate.append(server_state.immediate)
            self.up.append(server_state.up)
            self.deliveries.append({})
            values = dict(server_state.fields or server_state.disk)
            self.leads.append(server_state.up and values.get("is_leader", True) not in (0, None, (bool, False)))
            # The dictionary only grows, so its length is a number that no other log has.
            self.log_of.append(self._numbers.setdefault(("log", values.get("log")), len(self._numbers)))
        return number

    def intern_packet(self, sender: int, receiver: int, message: Any) -> int:
        """Return the number of a packet."""
        key = ("packet", sender, receiver, message)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.messages)
            self.sender.append(sender)
            self.receiver.append(receiver)
            self.messages.append(message)
        return number

    def intern_facts(self, facts: tuple[Fact, ...]) -> int:
        """Return the number of the facts of a transition."""
        number = self._numbers.setdefault(("facts", facts), len(self.facts))
        if number == len(self.facts):
            self.facts.append(facts)
        return number

    def intern_history(self, history: frozenset[Fact]) -> int:
        """Return the number of a history."""
        number = self._numbers.setdefault(("history", history), len(self.histories))
        if number == len(self.histories):
            self.histories.append(history)
        return number

    def extend_history(self, history: int, facts: int) -> int:
        """Return the number of a history with some facts added."""
        key = (history, facts)
        if key not in self._extended:
            self._extended[key] = self.intern_history(add_facts(self.histories[history], self.facts[facts]))
        return self._extended[key]

    # From numbers to what a predicate sees.

    def server_view(self, number: int) -> ServerView:
        """Return the view of a server state. All states that contain it share the view, so it must not be changed."""
        if number not in self._server_views:
            server_state = self.server_states[number]
            values = dict(server_state.fields or server_state.disk)
            log = self.freezer.thaw(values["log"]) if "log" in values else Log()
            node = self.build_node(server_state) if server_state.up else None
            name = self.servers[server_state.server]
            self._server_views[number] = ServerView(name, node, log, server_state.timers)
        return self._server_views[number]

    def packet_view(self, number: int) -> PacketView:
        """Return the view of a packet."""
        if number not in self._packet_views:
            sender, receiver = self.servers[self.sender[number]], self.servers[self.receiver[number]]
            self._packet_views[number] = PacketView(sender, receiver, self.messages[number])
        return self._packet_views[number]

    def build_node(self, server_state: FrozenServerState) -> Any:
        """Build the node of a server that runs; each call builds a new one."""
        node_class: Any = self.node_class
        node = node_class.__new__(node_class)
        thaw = self.freezer.thaw
        name = self.servers[server_state.server]
        known = known_servers(self.members, name)
        vars(node).update(name=name, servers=known, random=DeterministicStream(), effects=[])
        vars(node).update({name: thaw(value) for name, value in server_state.fields})
        return node
