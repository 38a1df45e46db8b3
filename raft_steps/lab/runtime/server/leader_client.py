"""A client of a cluster: it finds the leader, and retries only what cannot take effect twice.

Such are reads and, from step 13 on, the writes of a session.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from raft_steps.lab.commands import (
    Append,
    CompareAndSet,
    Delete,
    Get,
    InSession,
    OpenSession,
    Request,
    Set,
    Write,
    command_text,
)
from raft_steps.lab.errors import ScenarioError, ServerError
from raft_steps.lab.runtime.server.addresses import Address

ANSWER_LIMIT_S = 3.0  # more than a request may take: a server answers in the end that it was not in time
PAUSE_S = 0.1  # before all servers are asked again
CONNECT_LIMIT_S = 1.0
MAY_TAKE_EFFECT = (
    "The write may still take effect. It is not sent again, because this step's servers cannot recognise a command that "
    "they have already applied"
)


class NoAnswerError(ServerError):
    """No server answered in time, or the answer was lost.

    Attributes:
        may_take_effect: Whether the command may have been applied, or may be applied later.
    """

    def __init__(self, message: str, *, may_take_effect: bool) -> None:
        """Store the message, and whether the command may take effect."""
        super().__init__(message)
        self.may_take_effect = may_take_effect


class LeaderClient:
    """Sends requests to the leader of a cluster, whichever server that is.

    Attributes:
        leader: The server that answered last; "" before the first answer.
    """

    def __init__(
        self,
        cluster: Mapping[str, Address],
        *,
        limit_s: float = 20.0,
        answer_limit_s: float = ANSWER_LIMIT_S,
        tell: Callable[[str], None] = lambda _text: None,
        in_session: bool = False,
    ) -> None:
        """Prepare connections.

        Args:
            cluster: The addresses of the servers.
            limit_s: How long a request may take, with all attempts.
            answer_limit_s: How much longer one answer is awaited, from a server that may be paused or busy.
            tell: Called with a sentence about each attempt that was not answered.
            in_session: Whether writes are numbered in a session, if the servers know sessions, and sent again.
        """
        self._in_session, self._session, self._serial = in_session, 0, 0
        self._cluster, self._limit_s, self._tell = cluster, limit_s, tell
        self._answer_limit_s = limit_s + answer_limit_s
        self.leader = ""
        self._connections: dict[str, _Connection] = {}

    def ask(self, request: Request, to: str | None = None) -> str | int | None:
        """Send a request, and return the value, the number of deleted keys, or None.

        Args:
            request: The request.
            to: The server to ask; by default the leader, which is looked for.

        Raises:
            NoAnswerError: No server answered in time, or the connection broke while a write was on its way.
            ServerError: The request was refused.
        """
        if self._in_session and to is None and isinstance(request, Write):
            return self._ask_in_session(request)
        return self._ask(request, to)

    def _ask_in_session(self, request: Write) -> str | int | None:
        """Do what `ask` does for a write, in a session if the servers know them."""
        if not self._session:
            try:
                self._session, self._serial = int(self._ask(OpenSession(), None) or 0), 0
            except _RefusedError as refusal:
                if "RAFT.SESSION" not in str(refusal):  # Otherwise the servers do not know the command.
                    raise
                self._in_session = False
                return self._ask(request, None)
        self._serial += 1
        try:
            return self._ask(InSession(session=self._session, serial=self._serial, command=request), None)
        except _RefusedError as refusal:
            if refusal.kind == "SESSIONEXPIRED":
                self._session = 0  # The next write opens another one.
            raise

    def _ask(self, request: Request, to: str | None) -> str | int | None:
        deadline_s = time.monotonic() + self._limit_s
        may_take_effect = False
        names = list(self._cluster) if to is None else [to]
        candidate = self.leader if to is None and self.leader else names[0]
        refusals = 0
        told: dict[str, str] = {}
        while True:
            outcome = self._attempt(candidate, request)
            if outcome.is_answer:
                self.leader = candidate
                return outcome.value
            may_take_effect = may_take_effect or outcome.may_take_effect
            if told.get(candidate) != outcome.reason:  # Once, although all servers are asked again and again.
                told[candidate] = outcome.reason
                self._tell(f"{candidate} {outcome.reason}")
            if outcome.leader and to is None and refusals < len(names):
                candidate, refusals = outcome.leader, refusals + 1
                continue
            refusals = 0
            candidate = names[(names.index(candidate) + 1) % len(names)]
            if time.monotonic() >= deadline_s:
                may = ". The write may still take effect" if may_take_effect else ""
                raise NoAnswerError(
                    f"no server answered within {self._limit_s:g} s{may}", may_take_effect=may_take_effect
                )
            if candidate == names[0]:
                time.sleep(PAUSE_S)

    def status(self, name: str) -> dict[str, str] | None:
        """Return what a server reports of itself; None if it does not answer."""
        try:
            text = self._connection(name).ask("INFO", "raft")
        except redis.RedisError:
            self._forget(name)
            return None
        pairs = (line.partition(":") for line in str(text).splitlines() if not line.startswith("#"))
        return {key: value for key, colon, value in pairs if colon}

    def command(self, name: str, *words: str) -> object:
        """Send any command to one server, and return its reply.

        Raises:
            NoAnswerError: The server cannot be reached, or does not answer.
            ServerError: It refuses the command.
        """
        try:
            return self._connection(name).ask(*words)
        except redis.ResponseError as error:
            raise ServerError(f"{name}: {error}") from error
        except redis.RedisError as error:
            self._forget(name)
            raise NoAnswerError(f"{name}: {error}", may_take_effect=True) from error

    def close(self) -> None:
        """Close the connections."""
        for name in list(self._connections):
            self._forget(name)

    def _attempt(self, name: str, request: Request) -> _Outcome:
        """Send a request to one server.

        Raises:
            NoAnswerError: The answer was lost or late, and the request may take effect.
            ServerError: The request was refused for another reason than who leads.
        """
        try:
            connection = self._connection(name)
        except redis.RedisError:
            return _Outcome(reason="cannot be reached")
        try:
            return _Outcome(value=connection.ask(*words_of(request)), is_answer=True)
        except redis.exceptions.MovedError as error:
            leader = self._name_of(error.host, error.port)
            return _Outcome(reason=f"does not lead; it names {leader or 'an unknown server'}", leader=leader)
        except redis.ResponseError as error:
            kind, _space, text = str(error).partition(" ")
            if kind == "NOTLEADER":
                return _Outcome(reason="does not lead, and does not know which server does")
            if kind != "TIMEOUT":
                raise _RefusedError(f"{name} refused the request: {error}", kind) from error
            reason = text.partition(";")[0]
        except redis.RedisError as error:
            self._forget(name)
            reason = f"the connection broke ({error})"
        if isinstance(request, Get):
            return _Outcome(reason=f"did not answer the read: {reason}")
        if isinstance(request, OpenSession | InSession):  # The servers know it if it comes again.
            return _Outcome(reason=f"did not answer: {reason}", may_take_effect=True)
        raise NoAnswerError(f"{name}: {reason}. {MAY_TAKE_EFFECT}.", may_take_effect=True)

    def _name_of(self, host: str, port: int) -> str:
        for name, address in self._cluster.items():
            if (address.host, address.port) == (host, port):
                return name
        return ""

    def _connection(self, name: str) -> _Connection:
        """Return the connection to a server, and connect if there is none.

        Raises:
            RedisError: The server cannot be reached.
        """
        if name in self._connections and not self._connections[name].is_open():
            self._forget(name)
        if name not in self._connections:
            self._connections[name] = _Connection(self._cluster[name], self._answer_limit_s)
        return self._connections[name]

    def _forget(self, name: str) -> None:
        connection = self._connections.pop(name, None)
        if connection is not None:
            connection.close()


class _Outcome(NamedTuple):
    """The result of one attempt: an answer, or the reason why there is none."""

    value: str | int | None = None
    is_answer: bool = False
    reason: str = ""
    leader: str = ""
    may_take_effect: bool = False


class _RefusedError(ServerError):
    """A server refused a request.

    Attributes:
        kind: The first word of its reply.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Connection:
    """A connection of the client library that sends a command once: its own clients would send it again after an error."""

    def __init__(self, address: Address, limit_s: float) -> None:
        """Connect.

        Args:
            address: The server's address.
            limit_s: How long an answer is awaited.

        Raises:
            RedisError: The server cannot be reached.
        """
        build: Any = redis.Connection  # The library has no types for it.
        self._connection: Any = build(
            host=address.host, port=address.port, decode_responses=True, socket_connect_timeout=CONNECT_LIMIT_S,
            socket_timeout=limit_s, retry=Retry(NoBackoff(), 0),
        )  # fmt: skip
        try:
            self._connection.connect()
        except BaseException:
            self._connection.disconnect()  # It may have a socket already.
            raise

    def is_open(self) -> bool:
        """Return whether the server has not closed the connection.

        A request on a closed connection would fail in a way that leaves open whether the server got it.
        """
        try:
            return not self._connection.can_read(timeout=0)  # Nobody is asked, so the end alone can be read.
        except redis.RedisError:
            return False

    def ask(self, *words: str) -> Any:
        """Send a command, and return the reply.

        Raises:
            RedisError: The connection broke, or the reply is an error.
        """
        self._connection.send_command(*words)
        return self._connection.read_response()

    def close(self) -> None:
        """Disconnect."""
        self._connection.disconnect()


def words_of(request: Request) -> tuple[str, ...]:
    """Return the words of a request, as a Redis client sends them.

    Raises:
        ScenarioError: The servers have no command for it.
    """
    match request:
        case Set():
            return "SET", request.key, request.value
        case Delete():
            return "DEL", request.key
        case Get():
            return "GET", request.key
        case Append():
            return "APPEND", request.key, request.value
        case CompareAndSet():
            return "SET", request.key, request.value, "IFEQ", request.expected
        case OpenSession():
            return ("RAFT.SESSION",)
        case InSession():
            return "RAFT.AS", f"{request.session}.{request.serial}", *words_of(request.command)
        case _:
            raise ScenarioError(f"{command_text(request)!r}: the servers have no command for it")
