"""The clients of a chaos run: they write, read and delete, and note what they asked and what they were answered."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping

from raft_steps.lab.commands import Delete, Get, Ok, Set
from raft_steps.lab.errors import ServerError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.clock import now_us
from raft_steps.lab.runtime.server.leader_client import LeaderClient, NoAnswerError
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.verify.linearizability.history import Operation, Outcome

REQUESTS_PER_S = 25  # of one client; more would make a run of minutes longer than can be judged
LIMIT_S = 1.0  # for a request to find its leader
ANSWER_LIMIT_S = 1.5  # more than that for an answer; a server answers after 2 s that it was not in time
KEYS = 3  # at a time: so few that requests for the same key overlap
KEYS_LAST_S = 5  # then other keys are used: a key with many open writes is hard to judge
WRITES, DELETES = 0.5, 0.1  # shares of the requests; the others are reads


class Client(threading.Thread):
    """A client with a thread of its own.

    Attributes:
        operations: What it asked, with the outcome.
        error: What ended it too early; None if nothing did.
    """

    def __init__(
        self, number: int, cluster: Mapping[str, Address], seed: int, start_us: int, stop: threading.Event
    ) -> None:
        """Prepare the client.

        Args:
            number: Its number, from 1.
            cluster: The servers.
            seed: Decides what it asks.
            start_us: When the load begins.
            stop: Set when it is to stop.
        """
        super().__init__(name=f"client {number}", daemon=True)
        self.operations: list[Operation] = []
        self.error: BaseException | None = None
        self._client_name, self._servers = f"client {number}", itertools.cycle(cluster)
        self._cluster, self._start_us, self._must_stop = cluster, start_us, stop
        self._random = RandomStream(seed, f"chaos/client/{number}")
        self._values = (f"{number}.{count}" for count in itertools.count(1))

    def run(self) -> None:
        """Ask until the end of the run."""
        client = LeaderClient(self._cluster, limit_s=LIMIT_S, answer_limit_s=ANSWER_LIMIT_S)
        next_s = 0.0
        try:
            while not self._must_stop.wait(max(0.0, next_s - self._time_s())):
                # A client that waited for a server does not make up for that with a burst of requests.
                next_s = max(next_s, self._time_s()) + 1 / REQUESTS_PER_S
                self.operations.append(ask(client, self._request(), self._client_name))
                if self.operations[-1].outcome != "ok":
                    client.leader = next(self._servers)  # The one that did not answer may be paused.
        except BaseException as error:  # noqa: BLE001  # Raised again by the thread that waits for this one.
            self.error = error
        finally:
            client.close()

    def _time_s(self) -> float:
        return (now_us() - self._start_us) / MICROSECONDS

    def _request(self) -> Set | Delete | Get:
        key = f"{int(self._time_s() / KEYS_LAST_S)}.{self._random.randint(1, KEYS)}"
        share = self._random.random()
        if share < WRITES:
            return Set(key=key, value=next(self._values))
        return Delete(key=key) if share < WRITES + DELETES else Get(key=key)


def ask(client: LeaderClient, request: Set | Delete | Get, name: str) -> Operation:
    """Send a request, and return the operation with its outcome.

    Args:
        client: Finds the leader.
        request: The request.
        name: The name of the client in the history.
    """
    called_us = now_us()
    answer: str | int | None = None
    outcome: Outcome = "ok"
    try:
        answer = client.ask(request)
    except NoAnswerError as error:
        outcome = "unknown" if error.may_take_effect else "failed"
    except ServerError:
        outcome = "failed"
    return _operation(request, name, called_us, outcome, answer)


def _operation(request: Set | Delete | Get, name: str, called_us: int, outcome: Outcome, answer: object) -> Operation:
    return Operation.of_request(
        name,
        request,
        Ok(value=str(answer)) if answer is not None else None,
        called_us=called_us,
        returned_us=None if outcome == "unknown" else now_us(),
        outcome=outcome,
    )
