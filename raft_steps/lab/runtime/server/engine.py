"""The engine of a real server: it lets the node handle what has arrived, a turn at a time.

One turn handles every event that has arrived, puts all that it changed on the disk in one transaction, and only then
sends messages and replies. So a thousand clients cost one write to the disk, and nothing leaves that a crash could undo.

There is one thing that may leave while the disk is written: a leader's call with new entries (Ongaro's dissertation,
Section 10.2.1). If the leader crashes, its followers have entries that it has not; so has a leader whose calls reached
some servers only. It counts itself as one of those that have the entries, but nothing is counted before the next turn,
and by then they are on its disk. A turn may go ahead in this way only if it has changed nothing but the log, by adding to
it; if it sends such calls and nothing else; if they state that nothing is committed but what was on this disk before; and
if no client is answered.

Timers are the exception: they start and stop at once, between the events of a turn. A process that was stopped for a
while (SIGSTOP) finds a timer that is overdue and a heartbeat that has long arrived; the heartbeat is handled first and
restarts the timer, which then must not run out in the same turn (`timers`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from raft_steps.lab.commands import Append, Delete, Ok, Request, Response, Set, operation_of
from raft_steps.lab.errors import NodeError, ServerError
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.runtime.diagnostics import Mistake, none_was_sent, returned_something
from raft_steps.lab.runtime.mistakes import HandlerCall, blame
from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.server.server_host import ServerHost
from raft_steps.lab.runtime.server.timers import ServerTimers
from raft_steps.lab.runtime.watchdog import HandlerTimeout

MOST_ANSWERED = (
    1_000  # clients of which it is known that they were answered; a second answer to one of them is a mistake
)

MOST_SHOWN = 500  # characters of a message in an error


class Outlet(Protocol):
    """Where an engine's effects leave the process.

    Attributes:
        names: The names of all servers, those included that the node does not know of.
    """

    names: tuple[str, ...]

    def send(self, to: str, message: object, time_us: int) -> None:
        """Prepare a message to another server; it leaves with `flush`.

        Raises:
            MessageError: It is not a message that a server sends.
        """

    def record(self) -> None:
        """Write down what happened in this turn, before its effects leave.

        Raises:
            DiskError: That is not possible.
        """

    def send_ahead(self) -> None:
        """Let the messages leave that were sent in this turn, while it is not on the disk yet."""

    def flush(self) -> None:
        """Let everything leave that was sent and answered in this turn."""


class TakeSnapshot:
    """A client's request that is for the very server that gets it, and in no log: its Node is to take a snapshot."""


class Client:
    """A client's request that waits for its answer.

    Attributes:
        address: The reply address that the node is given.
        request: What the client asks for.
        deleted: For a Delete whose entry was applied: whether the key existed.
        has_left: Whether nobody waits for the answer any more.
    """

    __slots__ = ("address", "answer", "deleted", "has_left", "request")

    def __init__(self, request: Request | TakeSnapshot, answer: Callable[[Response, Client], None]) -> None:
        """Prepare a request.

        Args:
            request: What the client asks for.
            answer: Called with the response, before the turn's flush.
        """
        self.address = ""
        self.request, self.answer = request, answer
        self.deleted = self.has_left = False

    @property
    def delete(self) -> Delete | None:
        """The Delete that the client asks for, in a session or not; None if it asks for something else."""
        operation = None if isinstance(self.request, TakeSnapshot) else operation_of(self.request)
        return operation if isinstance(operation, Delete) else None


class Engine:
    """Lets a node handle events, and carries out its effects.

    Attributes:
        host: The server's node and disk.
        timers: The node's timers.
        calls: How many handler calls have begun.
        is_handling: Whether one is running.
        waiting: The clients that wait, by their address.
    """

    def __init__(
        self,
        host: ServerHost,
        outlet: Outlet,
        timers: ServerTimers,
        now_us: Callable[[], int],
        recorder: Recorder | None = None,
    ) -> None:
        """Connect a host to the world.

        Args:
            host: The server, whose node has begun its life.
            outlet: Where messages leave.
            timers: Starts and stops the node's timers.
            now_us: Returns the time in microseconds.
            recorder: Records what happens, if the run is recorded.
        """
        self.host, self.outlet, self.timers = host, outlet, timers
        self._now_us, self._recorder = now_us, recorder
        self.waiting: dict[str, Client] = {}
        self._prefix = f"client#{host.name}.{host.life}."  # of the clients' addresses
        self.calls, self._event_us = 0, 0
        self.is_handling = False
        self._replies: list[tuple[Client, Response]] = []
        self._keys: set[str] = set()  # the keys that exist after the entries applied so far
        self._last_applied = 0  # the last of them, as the node reported it
        self._deletes: dict[int, Client] = {}  # the clients that wait for a Delete, by the identity of their request
        self._names = 0
        self._calls_only = True  # whether nothing but calls of a leader was sent in this turn
        self._committed: int | None = None  # the highest index that they state to be committed; None without a call
        self._answered: deque[str] = deque(maxlen=MOST_ANSWERED)  # the last addresses that were answered

    # Events. Each is handled at once; `finish_turn` then stores and sends.

    def start(self) -> None:
        """Handle the start of the server's life."""
        detail: dict[str, Any] = {}
        if self._recorder is not None:
            detail = {"life": self.host.life, **self._recorder.life_begins(self.host)}
        self._handle(self.host.node.on_start, (), "started" if self.host.life == 1 else "restarted", detail)

    def message(self, sender: str, message: object, route: str, number: int) -> None:
        """Handle a message of another server.

        Args:
            sender: The server's name.
            message: The message.
            route: The sender with its life, ``tom.2``, for the trace.
            number: The message's number on the link.
        """
        handler = self.host.handlers.get(type(message)) or self.host.find_message_handler(type(message), self._now_us())
        detail = {}
        if self._recorder is not None:
            detail = {"message": f"{route}>{self.host.name}#{number}", "from": sender, "type": type(message).__name__}
            if hasattr(message, "term"):
                detail["term"] = message.term
        self._handle(handler, (sender, message), "delivered", detail)

    def timeout(self, timer: str) -> None:
        """Handle a timer that has run out."""
        handler = self.host.find_handler(f"on_{timer}_timeout", self._now_us())
        self._handle(handler, (), "timer_fired", {"timer": timer})

    def ask(self, client: Client) -> None:
        """Handle a client's request."""
        if isinstance(client.request, TakeSnapshot):
            handler = self.host.find_handler("take_snapshot", self._now_us())
            self._handle(handler, (), "told", {"order": "take a snapshot"})
            self._replies.append((client, Ok()))
            return
        self._names += 1
        client.address = f"{self._prefix}{self._names}"
        if not client.has_left:
            self.waiting[client.address] = client
            if (delete := client.delete) is not None:
                self._deletes[id(delete)] = client
        handler = self.host.find_handler("on_client_request", self._now_us())
        self._handle(
            handler, (client.address, client.request), "asked", {"client": client.address, "request": client.request}
        )

    def forget(self, client: Client) -> None:
        """Called when a client does not wait any more: many nodes never answer, and some answer much later."""
        client.has_left = True
        if self.waiting.pop(client.address, None) is not None:
            self._deletes.pop(id(client.delete), None)

    def finish_turn(self) -> None:
        """Put what the turn changed on the disk, then let messages and replies leave.

        Raises:
            DiskError: The disk is full or fails; nothing of the turn leaves, and nothing of it is recorded.
            NodeError: The node has put something into a durable field that cannot be stored.
        """
        host = self.host
        try:
            if self._recorder is None:
                self._store()
        except Mistake as error:
            raise self._blame(error, "turn") from error
        only_added_from = host.take_only_added()
        if self._calls_only and self._committed is not None and not self._replies and self._committed < only_added_from:
            self.outlet.record()
            self.outlet.send_ahead()
        self._calls_only, self._committed = True, None
        host.database.commit()
        self.outlet.record()
        for client, response in self._replies:
            client.answer(response, client)
        self._replies.clear()
        self.outlet.flush()

    def _handle(
        self, handler: Callable[..., object], arguments: tuple[Any, ...], kind: str, detail: dict[str, Any]
    ) -> None:
        """Let the node handle an event, and carry out what need not wait for the disk.

        Raises:
            NodeError: The node failed.
        """
        self.calls += 1
        self.is_handling = True
        # The same time for all that one event causes: a trace that is merged with others keeps it together.
        self._event_us = self._now_us()
        try:
            _refuse_result(handler(*arguments))
            if self._recorder is not None:
                self._recorder.handled(self._event_us, self.host, kind, detail)
                self._store()
            self._carry_out()
        except (Exception, SystemExit, HandlerTimeout) as error:
            call = HandlerCall(self.host.node, handler, arguments)
            found = self._blame(error, getattr(handler, "__name__", "handler"), call)
            if isinstance(found, NodeError) and kind == "delivered":
                found = _with_message(found, *arguments)
            raise found from error
        finally:
            self.is_handling = False

    def _carry_out(self) -> None:
        node, recorder = self.host.node, self._recorder
        for effect in node.effects:
            if effect[0] == "send":
                self._send(effect[1], effect[2])
            elif effect[0] == "start":
                due_us = self.timers.start(node, effect[1], effect[2])
                if recorder is not None:
                    recorder.event(self._event_us, "timer_started", self.host.name, {"timer": effect[1], "due": due_us})
            elif effect[0] == "cancel":
                if self.timers.cancel(effect[1]) and recorder is not None:
                    recorder.event(self._event_us, "timer_cancelled", self.host.name, {"timer": effect[1]})
            elif effect[0] == "reply":
                self._reply(effect[1], effect[2])
            else:
                self._apply(effect[1])
        node.effects = []  # Only now: if one of them cannot be carried out, `blame` looks at them.
        log = getattr(node, "log", None)
        if isinstance(log, Log) and log.base_index > self._last_applied:
            self._keys_of_snapshot(node, log)

    def _send(self, to: str, message: object) -> None:
        node = self.host.node
        if message is None:
            raise none_was_sent(node)
        if to == node.name or to not in self.outlet.names:
            others = ", ".join(name for name in self.outlet.names if name != node.name)
            raise Mistake(f"sent a message to {to!r}; the others are {others}")
        self.outlet.send(to, message, self._event_us)
        if self._calls_only:
            committed = getattr(message, "leader_commit", None)
            if type(committed) is int and hasattr(message, "entries") and getattr(node, "is_leader", False):
                self._committed = max(self._committed or 0, committed)
            else:
                self._calls_only = False

    def _reply(self, address: str, response: Response) -> None:
        client = self.waiting.pop(address, None)
        if client is None and (address in self._answered or not self._was_asked(address)):
            raise Mistake(f"answered {address!r}, but no such client waits; a client is answered once")
        self._answered.append(address)
        if self._recorder is not None:
            self._recorder.answered(self._event_us, self.host.name, address, response)
        if client is not None:
            if (delete := client.delete) is not None:
                self._deletes.pop(id(delete), None)
            self._replies.append((client, response))

    def _was_asked(self, address: str) -> bool:
        """Return whether a client of this life has an address."""
        number = str(address).removeprefix(self._prefix)
        return address == self._prefix + number and number.isdecimal() and 0 < int(number) <= self._names

    def _apply(self, entry: Entry) -> None:
        """Keep track of the keys that exist: a client that deletes a key is told whether it did."""
        if self._recorder is not None:
            self._recorder.applied(self._event_us, self.host.name, entry)
        self._last_applied = max(self._last_applied, entry.index)
        # Of a command of a session that comes twice only the first does something; the engine takes both for new.
        command = operation_of(entry.command)
        if isinstance(command, Set | Append):
            self._keys.add(command.key)
        elif isinstance(command, Delete):
            # The leader applies the very object that its client's request is, so an equal request is not meant.
            client = self._deletes.get(id(command))
            if client is not None:
                client.deleted = command.key in self._keys
            self._keys.discard(command.key)

    def _keys_of_snapshot(self, node: Any, log: Log) -> None:
        """Begin with the keys in a snapshot, which stands for entries that were applied elsewhere, or in an earlier life."""
        self._last_applied = log.base_index
        found = getattr(node, "state_machine", None)
        self._keys = set(found) if isinstance(found, dict) else set()

    def _store(self) -> None:
        changes = self.host.store()
        if changes and self._recorder is not None:
            self._recorder.stored(self._event_us, self.host, changes)

    def _blame(self, error: BaseException, handler: str, call: HandlerCall | None = None) -> BaseException:
        """Return the error to raise: a NodeError if the node is to blame, otherwise the error itself."""
        if isinstance(error, ServerError):  # The disk, not the node.
            return error
        return blame(error, self.host.name, handler, call=call) or error


class UnhandledMessageError(NodeError):
    """A node failed at a message. It may be false, and then the sender is to blame, and not the node.

    Attributes:
        sender: The server that had sent it.
    """

    def __init__(self, message: str, sender: str, *, server: str, handler: str) -> None:
        """Store the message, the two servers and the handler."""
        super().__init__(message, server=server, handler=handler)
        self.sender = sender


def _with_message(error: NodeError, sender: str, message: object) -> UnhandledMessageError:
    """Add what had arrived to an error."""
    text = repr(message)
    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
    text = f"{error}\nThis is what {sender} had sent: {shown}"
    return UnhandledMessageError(text, sender, server=error.server, handler=error.handler)


def _refuse_result(returned: object) -> None:
    """Refuse a handler that returned something.

    Raises:
        Mistake: It did.
    """
    if returned is not None:
        raise returned_something(returned)
