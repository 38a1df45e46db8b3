"""What the tests of the live cluster share: a player without a browser, which does with messages what a browser does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.player.session import PlayerSession


class Screen:
    """A player as a session knows it; it holds the branches' events as its browser would.

    Attributes:
        is_open: Whether anybody sees it.
        held: The lines of each branch that the browser holds.
        ends: How far each of these branches has been run.
        messages: All that was sent, in order: custom messages, and "live" for the trait.
        trace: What a browser gets that is opened later.
        live: The state of the session.
    """

    def __init__(self, trace: bytes = b"", live: dict[str, Any] | None = None) -> None:
        """Open with the present state."""
        self.is_open = True
        self.trace, self.live = trace, live or {}
        self.held: dict[int, list[bytes]] = {}
        self.ends: dict[int, int] = {}
        self.messages: list[Any] = []
        if live:
            self.held[live["current"]] = trace.split(b"\n")[1:-1]

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Take a message, and do with it what a browser does."""
        self.messages.append(content)
        if content["kind"] == "trace":
            (buffer,) = buffers or []
            before = self.held.get(content["branch"], self.held.get(content.get("parent", -1), []))
            assert content["keep"] <= len(before), "the browser is to keep what it does not hold"
            self.held[content["branch"]] = before[: content["keep"]] + buffer.split(b"\n")[:-1]
            self.ends[content["branch"]] = content["end"]

    def keep(self, trace: bytes, live: dict[str, Any]) -> None:
        """Keep the present state."""
        self.messages.append("live")
        self.trace, self.live = trace, live


class Player:
    """A live cluster with a player, which asks as a browser does.

    Attributes:
        cluster: The cluster.
        session: Its session.
        screen: The player.
    """

    def __init__(self, cluster: Cluster) -> None:
        """Play a cluster."""
        self.cluster = cluster
        self.session = session_of(cluster)
        self.screen = self.open()
        self.count = 0

    def open(self) -> Screen:
        """Open one more player."""
        state = self.session.state()
        screen = Screen(self.session.trace_bytes, state)
        self.session.open(screen)
        return screen

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Ask for something; give the answer."""
        self.count += 1
        self.screen.messages.clear()
        self.session.answer(self.screen, {"id": self.count, "do": do} | request)
        answer = self.screen.messages[-1]
        assert (answer["kind"], answer["id"]) == ("answer", self.count)
        assert 1 == sum(isinstance(each, dict) and each["kind"] == "answer" for each in self.screen.messages)
        return dict(answer)

    def act(self, action: str, at: float, seen: float = 0, branch: int | None = None) -> str:
        """Do something at a time, in seconds; give what was said."""
        number = self.current if branch is None else branch
        answer = self.ask("act", branch=number, at=round(at * 1e6), seen=round(seen * 1e6), action=action)
        assert answer["ok"], answer["said"]
        return str(answer["said"])

    @property
    def current(self) -> int:
        """The number of the current branch."""
        return self.session.branches.current.number

    def kinds(self) -> Sequence[str]:
        """Name what the last request brought, in order."""
        return [each if isinstance(each, str) else each["kind"] for each in self.screen.messages]

    def text(self, branch: int) -> str:
        """Give the trace of a branch."""
        return self.session.branches.all[branch].trace.to_text()


def session_of(cluster: Cluster) -> PlayerSession:
    """Begin a cluster's session, without a widget."""
    if cluster._session is None:
        cluster._session = PlayerSession(
            cluster._scenario, cluster._actions, cluster._simulation, cluster._lock, cluster._adopt
        )
    return cluster._session


def replayed(player: Player, branch: int) -> str:
    """Give the trace of a branch as it is when its scenario is run anew, from its line."""
    found = player.session.branches.all[branch]
    node = None if found.scenario.step is not None else found.simulation.node_class
    return Cluster.replay(found.whole_scenario.to_text(), node).trace.to_text()
