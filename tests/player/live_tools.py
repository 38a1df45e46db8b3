"""Tools for the tests of the live cluster: a player without a browser, which handles messages as a browser does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.player.session import PlayerSession


class FakeFrontend:
    """A frontend that holds the events of branches as its browser would.

    Attributes:
        is_open: Whether it has not been closed.
        held: The lines of each branch that the browser has.
        ends_us: How far each of these branches has been run.
        messages: Everything sent, in order.
        live: The state of the session.
    """

    def __init__(self, trace: bytes = b"", live: dict[str, Any] | None = None) -> None:
        """Open with the current state."""
        self.is_open = True
        self.live = live or {}
        self.held: dict[int, list[bytes]] = {}
        self.ends_us: dict[int, int] = {}
        self.messages: list[Any] = []
        if live:
            self.held[live["current"]] = trace.split(b"\n")[1:-1]

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Handle a message as a browser does."""
        assert "news" == content["kind"]
        self.messages.append(content)
        for trace, buffer in zip(content["traces"], buffers or [], strict=True):
            before = self.held.get(trace["branch"], self.held.get(trace.get("parent", -1), []))
            assert trace["keep"] <= len(before), "the browser is asked to keep events that it does not have"
            self.held[trace["branch"]] = before[: trace["keep"]] + buffer.split(b"\n")[:-1]
            self.ends_us[trace["branch"]] = trace["end"]
        self.live = content["live"]


class LivePlayer:
    """A live cluster with a player that sends requests as a browser does.

    Attributes:
        cluster: The cluster.
        session: Its session.
        frontend: The frontend of the player.
    """

    def __init__(self, cluster: Cluster) -> None:
        """Play a cluster."""
        self.cluster = cluster
        self.session = session_of(cluster)
        self.frontend = self.open()
        self.count = 0

    def open(self) -> FakeFrontend:
        """Open one more player."""
        frontend = FakeFrontend(*self.session.open_state())
        self.session.connect(frontend)
        return frontend

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Send a request; return the answer."""
        self.count += 1
        self.frontend.messages.clear()
        self.session.answer(self.frontend, {"id": self.count, "do": do} | request)
        (answer,) = self.frontend.messages
        assert answer["id"] == self.count
        return dict(answer)

    def act(self, action: str, at: float, seen: float = 0, branch: int | None = None, known: float = 1e6) -> str:
        """Perform an action at a time in seconds; return the text of the answer."""
        number = self.current if branch is None else branch
        times = {"at": round(at * 1e6), "seen": round(seen * 1e6), "known": round(known * 1e6)}
        answer = self.ask("act", branch=number, action=action, **times)
        assert answer["ok"], answer["said"]
        return str(answer["said"])

    @property
    def current(self) -> int:
        """The number of the current branch."""
        return self.session.branches.current.number

    def sent(self) -> Sequence[list[int]]:
        """Return the branches whose events each message since the last request brought."""
        return [[trace["branch"] for trace in each["traces"]] for each in self.frontend.messages]

    def copied(self, kind: str) -> str:
        """Return the current branch in another form: scenario, python or pytest."""
        answer = self.ask("export", branch=self.current, **{"as": kind})
        assert answer["ok"], answer["said"]
        return str(answer["text"])

    def branches(self) -> list[dict[str, Any]]:
        """Return the branches as the browser lists them."""
        return list(self.frontend.live["branches"])

    def text(self, branch: int) -> str:
        """Return the trace of a branch."""
        return self.session.branches.all[branch].trace.to_text()

    def lines(self, branch: int) -> list[bytes]:
        """Return the lines of the events of a branch."""
        return self.text(branch).encode().split(b"\n")[1:-1]


def session_of(cluster: Cluster) -> PlayerSession:
    """Return a cluster's session, started without a widget."""
    if cluster._session is None:
        cluster._session = PlayerSession(
            cluster._scenario, cluster._actions, cluster._simulation, cluster._lock, cluster._adopt
        )
    return cluster._session


def replayed(player: LivePlayer, branch: int) -> str:
    """Return the trace of a branch when its scenario is run again from its text."""
    found = player.session.branches.all[branch]
    node = None if found.scenario.step is not None else found.simulation.node_class
    return Cluster.replay(found.full_scenario.to_text(), node).trace.to_text()


class Fragile(node(8)):  # type: ignore[misc]
    """A node that fails in its second election."""

    def on_election_timeout(self) -> None:
        if self.current_term:
            raise ValueError("not again")
        super().on_election_timeout()


class Usurper(node(8)):  # type: ignore[misc]
    """A node that leads as soon as it starts."""

    def on_start(self) -> None:
        super().on_start()
        self.is_leader = True
