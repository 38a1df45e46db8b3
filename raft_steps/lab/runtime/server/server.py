"""A real server: its connections, its disk, and the node's life between the two."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raft_steps.lab.commands import NotLeader
from raft_steps.lab.errors import NodeError, ServerError
from raft_steps.lab.log import Entry
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.configurations import node_configuration
from raft_steps.lab.runtime.launching import is_course_class, known_servers
from raft_steps.lab.runtime.mistakes import blame, new_node_of, set_field
from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.server.addresses import Address, cluster_text
from raft_steps.lab.runtime.server.client_connection import ClientConnection
from raft_steps.lab.runtime.server.clock import now_us
from raft_steps.lab.runtime.server.database import Database, DiskError
from raft_steps.lab.runtime.server.engine import Client, Engine, UnhandledMessageError
from raft_steps.lab.runtime.server.hello import Hello, Identity
from raft_steps.lab.runtime.server.limited_log import LimitedLog
from raft_steps.lab.runtime.server.links import Links
from raft_steps.lab.runtime.server.message_classes import message_classes
from raft_steps.lab.runtime.server.message_codec import MessageCodec
from raft_steps.lab.runtime.server.open_files import allow_files
from raft_steps.lab.runtime.server.peer_listener import PeerListener
from raft_steps.lab.runtime.server.redis_commands import VERSION_FIELDS
from raft_steps.lab.runtime.server.server_host import ServerHost
from raft_steps.lab.runtime.server.status import node_info, state_text
from raft_steps.lab.runtime.server.timers import ServerTimers
from raft_steps.lab.runtime.server.trace_file import TraceFile
from raft_steps.lab.runtime.watchdog import HandlerTimeout
from raft_steps.lab.scenario.model import Timing

MOST_CLIENTS = 10_000
# Connections to the port for servers whose first line has not arrived. The oldest makes room for a new one; a server
# sends its first line at once, and of `PEER_BACKLOG` connections that are accepted before it is read, none ends it.
MOST_STRANGERS = 256
PEER_BACKLOG = 64
SPARE_FILES = MOST_STRANGERS + 64  # file descriptors for all that is not a client
RETRY_S = 1.0  # from the end of a life on a full disk, or after a false message, to the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What decides what a server is and does.

    Attributes:
        name: Its name.
        cluster: All servers of its cluster, itself included.
        node_class: The Node that it runs.
        step: What the Node is called, such as ``step 12``.
        folder: The folder of its database.
        timing: The durations; they replace those of the Node.
        members: The servers that make up the cluster at first; () for all. Any other knows of no server when it starts.
        leads: Whether it is the named leader of its first life.
        patience_s: How long a client's request may wait for its answer.
        allows_faults: Whether RAFT.FAULT may cut and slow its links.
        first_log: The entries on its disk before its first start.
        trace_file: The file in which the server records what happens; None for no trace.
    """

    name: str
    cluster: Mapping[str, Address]
    node_class: type
    step: str
    folder: Path
    timing: Timing
    members: tuple[str, ...] = ()
    leads: bool = False
    patience_s: float
    allows_faults: bool = False
    first_log: tuple[Entry, ...] = ()
    trace_file: Path | None = None


class Server:
    """A server, from its first life on.

    Attributes:
        options: What it is.
        identity: What it tells the other servers.
        names: The names of all servers.
        codec: Encodes and decodes messages.
        patience_s: How long a client's request may wait.
        waiting_bytes: What waits at all clients' connections together, commands and replies.
    """

    def __init__(self, options: ServerOptions, log: Callable[[str], None]) -> None:
        """Open the disk; the first life begins in `run`.

        Args:
            options: What the server is.
            log: Writes a line to standard error.

        Raises:
            ServerError: The folder or the Node cannot be used.
        """
        self.options, self.log = options, log
        self.names = tuple(options.cluster)
        self.patience_s = options.patience_s
        self.codec = MessageCodec(message_classes(options.node_class))
        self._loop = asyncio.get_running_loop()
        limited = LimitedLog(log, self._loop)
        self.log_client, self.log_peer = limited.about("clients"), limited.about("the port for servers")
        self._database = self._open_database()
        members = f" with the members {','.join(options.members)} at first" if options.members else ""
        cluster = cluster_text(options.cluster) + members
        self.identity = Identity(cluster, options.step, options.name, self._database.life)
        others = {name: address for name, address in options.cluster.items() if name != options.name}
        try:
            self._trace = self._open_trace()
        except BaseException:
            self._database.close()
            raise
        self._recorder = Recorder(self._trace) if self._trace is not None else None
        self._links = Links(self.identity, others, self.codec, log=limited, recorder=self._recorder)
        self.waiting_bytes = 0
        self._inbox: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._turn_planned = False
        self._writers: dict[ClientConnection, None] = {}  # connections with replies to send, in order
        self._clients: dict[ClientConnection, None] = {}
        self._connections = 0
        self._peers: dict[str, PeerListener] = {}  # by the name of the server
        self._strangers: dict[PeerListener, None] = {}  # whose first line has not arrived, in order
        self._most_clients = allow_files(MOST_CLIENTS, SPARE_FILES)
        self._led = False  # by the last line about it
        self._log_own = limited.about("whether it leads")
        self._failure: asyncio.Future[None] = self._loop.create_future()
        self._listeners: list[asyncio.Server] = []
        self._engine: Engine | None = None
        self._last_disk_error = ""
        self._timers = ServerTimers(self._loop, self._plan_turn)

    def _open_database(self) -> Database:
        """Open the database.

        Raises:
            ServerError: The folder cannot be used.
        """
        options = self.options
        identity = {"name": options.name, "servers": ",".join(self.names), "step": options.step}
        if options.members:
            identity["members"] = ",".join(options.members)
        return Database(options.folder, identity, options.node_class)

    def _open_trace(self) -> TraceFile | None:
        """Open the file of the trace, if the run is recorded.

        Raises:
            ServerError: It cannot be written.
        """
        if (path := self.options.trace_file) is None:
            return None
        return TraceFile(path, self.names, self.options.name, self.options.step)

    # Life.

    async def run(self) -> None:
        """Serve until the task is cancelled or the node fails.

        Raises:
            NodeError: The node failed.
            ServerError: A port is taken, or the disk cannot be written.
        """
        try:
            # First the ports: a server that cannot serve has no life, and begins with --leader and --log the next time.
            await self._listen()
            self._begin_life()
            self._links.start()
            await self._failure
        except BaseException as error:
            self._forget_life(error)
            raise
        finally:
            await self._stop()

    def _begin_life(self) -> None:
        """Begin a life: on the disk, in the trace and for the other servers first, and then with a node.

        Raises:
            DiskError: The disk is full or fails.
            NodeError: The node failed.
        """
        options, database = self.options, self._database
        database.begin_life(options.first_log)
        self.identity = dataclasses.replace(self.identity, life=database.life)
        self._links.begin_life(self.identity)
        if self._trace is not None:
            self._trace.begin_life(database.life)
        host = ServerHost(options.name, database)
        seed = int.from_bytes(os.urandom(8))  # A real server's chance is not repeatable.
        random = RandomStream(seed, f"node/{options.name}/{database.life}")
        try:
            known = known_servers(options.members or self.names, options.name)
            node = new_node_of(options.node_class, name=options.name, servers=known, random=random)
            for name in ("heartbeat_interval", "election_timeout_range"):
                if hasattr(options.node_class, name):
                    set_field(node, name, getattr(options.timing, name))
            if options.leads and database.life == 1:
                set_field(node, "is_leader", True)
            host.begin(node)
        except (Exception, SystemExit, HandlerTimeout) as error:
            raise blame(error, options.name, "beginning") or error from error
        host.up = True
        self._engine = Engine(host, self, self._timers, now_us, self._recorder)
        self.log(f"life {database.life} begins with {len(getattr(node, 'log', ()))} log entries")
        self._engine.start()
        self._finish_turn()

    async def _listen(self) -> None:
        """Take the two ports.

        Raises:
            ServerError: One is taken.
        """
        address = self.options.cluster[self.options.name]
        ports = ((address.port, self._new_client, 1024), (address.peer_port, self._new_peer, PEER_BACKLOG))
        for port, build, backlog in ports:
            try:
                listener = await self._loop.create_server(
                    build, address.host, port, backlog=backlog, reuse_address=True
                )
            except OSError as error:
                raise ServerError(
                    f"port {port} of {address.host} cannot be used ({error.strerror or error}); is a server running there?"
                ) from error
            self._listeners.append(listener)

    async def _stop(self) -> None:
        for listener in self._listeners:
            listener.close()
        await self._links.stop()
        for client in list(self._clients):
            client.close()
        for peer in (*self._peers.values(), *self._strangers):
            peer.close()
        if self._trace is not None:
            self._trace.close()

    def _fail(self, error: BaseException) -> None:
        self._forget_life(error)
        if not self._failure.done():
            self._failure.set_exception(error)

    def _forget_life(self, error: BaseException) -> None:
        """End the life of a node; nothing of a turn that was not stored stays: no message, no reply, no timer.

        Args:
            error: Why it ends.
        """
        self._engine, self._led = None, False
        self._inbox.clear()
        self._writers.clear()
        self._timers.cancel_all()
        self._links.discard()
        if self._trace is not None:
            self._trace.end_life(now_us(), str(error) if isinstance(error, NodeError) else "")
        self._database.close()

    # Turns.

    def _plan_turn(self) -> None:
        if not self._turn_planned:
            self._turn_planned = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Handle everything that has arrived, store it, and let the effects leave."""
        self._turn_planned = False
        engine = self._engine
        inbox, self._inbox = self._inbox, []
        if engine is None:
            self._flush_clients()  # They are told that this server does not lead.
            return
        try:
            for handle, arguments in inbox:
                handle(*arguments)
            taken: set[str] = set()  # Each timer once in a turn: timers that start one another would never let it end.
            while (timer := self._timers.take_due(taken)) is not None:
                taken.add(timer)
                engine.timeout(timer)
            self._finish_turn()
        except DiskError as error:
            self._end_life(error)
        except UnhandledMessageError as error:
            self._refuse_sender(error)
        except BaseException as error:  # noqa: BLE001  # It ends the server; `run` raises it.
            self._fail(error)

    def _finish_turn(self) -> None:
        assert self._engine is not None
        self._engine.finish_turn()
        self._timers.plan_next()
        self._log_role(self._engine.host.node)

    def _log_role(self, node: Any) -> None:
        """Write a line when the node has begun to lead, or has ceased to."""
        leads = getattr(node, "is_leader", False)
        if leads != self._led:
            self._led = leads
            term = getattr(node, "current_term", 0)
            self._log_own(f"leads, in term {term}" if leads else f"does not lead any more; its term is {term}")

    def _end_life(self, error: DiskError) -> None:
        """End the life of a node that is ahead of its disk, and try to begin another one later."""
        if self._last_disk_error != str(error):  # Once, although each attempt may fail in the same way.
            self._last_disk_error = str(error)
            self.log(f"{error}; the server stops, and starts again when it can write")
        self._begin_again_later(error)

    def _refuse_sender(self, error: UnhandledMessageError) -> None:
        """Begin another life without a message with which the node cannot go on; a learner's Node is to blame itself."""
        if not is_course_class(self.options.node_class):
            self._fail(error)
            return
        self.log_peer(f"closed the connection to {error.sender}, and starts again: {error}")
        self._begin_again_later(error)
        if error.sender in self._peers:
            self._peers[error.sender].close()

    def _begin_again_later(self, error: Exception) -> None:
        self._forget_life(error)
        for connection in list(self._clients):
            connection.close()
        self._loop.call_later(RETRY_S, self._try_again)

    def _try_again(self) -> None:
        if self._failure.done():  # The server has been stopped meanwhile.
            return
        try:
            self._database = self._open_database()
            self._begin_life()
            self._last_disk_error = ""
        except DiskError as error:
            self._end_life(error)
        except BaseException as error:  # noqa: BLE001  # It ends the server; `run` raises it.
            self._fail(error)

    @property
    def calls(self) -> int:
        """How many calls of a handler have begun."""
        return self._engine.calls if self._engine is not None else 0

    @property
    def is_handling(self) -> bool:
        """Whether a handler runs."""
        return self._engine is not None and self._engine.is_handling

    # Outlet of the engine.

    def send(self, to: str, message: object, time_us: int) -> None:
        """Prepare a message for another server."""
        self._links.send(to, message, time_us)

    def record(self) -> None:
        """Write the turn into the trace."""
        if self._trace is not None:
            self._trace.flush()

    def send_ahead(self) -> None:
        """Send what is prepared for servers."""
        self._links.flush()

    def flush(self) -> None:
        """Send what is prepared for servers and for clients."""
        self._links.flush()
        self._flush_clients()

    def _flush_clients(self) -> None:
        writers, self._writers = self._writers, {}
        for connection in writers:
            connection.flush()

    # Owner of the peers' connections.

    def _new_peer(self) -> PeerListener:
        return PeerListener(self, self._loop)

    def peer_connected(self, connection: PeerListener) -> None:
        """Called when a connection is made: if there are too many whose first line has not arrived, the oldest ends."""
        self._strangers[connection] = None
        if len(self._strangers) > MOST_STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.close()
            self.log_peer(f"more than {MOST_STRANGERS} connections have not said who they are; closed the oldest")

    def peer_introduced(self, connection: PeerListener, name: str) -> None:
        """Called when the server at the other end is known; an older connection of the same server ends."""
        self._strangers.pop(connection, None)
        older = self._peers.get(name)
        if older is not None:
            older.close()
        self._peers[name] = connection
        self._links.wake(name)

    def peer_disconnected(self, connection: PeerListener, name: str | None) -> None:
        """Called when the connection has ended, with the name of the server if that is known."""
        self._strangers.pop(connection, None)
        if name is not None and self._peers.get(name) is connection:
            del self._peers[name]

    def message_arrived(self, hello: Hello, number: int, message: object) -> None:
        """Called with each message of another server."""
        if self._engine is not None:
            self._inbox.append((self._engine.message, (hello.name, message, f"{hello.name}.{hello.life}", number)))
            self._plan_turn()

    # Owner of the clients' connections.

    def _new_client(self) -> ClientConnection:
        self._connections += 1
        return ClientConnection(self, self._connections, self._loop)

    def connected(self, connection: ClientConnection) -> bool:
        """Called when a client connects; return whether there is room for it."""
        if len(self._clients) >= self._most_clients:
            self.log_client(f"{self._most_clients} clients are connected, and no more are accepted")
            return False
        self._clients[connection] = None
        return True

    def disconnected(self, connection: ClientConnection) -> None:
        """Called when a client's connection has ended."""
        self._clients.pop(connection, None)
        self._writers.pop(connection, None)

    def arrived(self, client: Client) -> None:
        """Called with a client's request."""
        if self._engine is None:
            client.answer(NotLeader(), client)
            return
        self._inbox.append((self._engine.ask, (client,)))
        self._plan_turn()

    def gave_up(self, client: Client) -> None:
        """Called when the answer to a request is not awaited any more."""
        if self._engine is not None:
            self._engine.forget(client)

    def wrote(self, connection: ClientConnection) -> None:
        """Called when a connection has replies to send; they are sent at the end of the turn."""
        self._writers[connection] = None
        self._plan_turn()

    # What commands ask.

    def node_can(self, method: str) -> bool:
        """Return whether the Node has a method, which a command needs."""
        return callable(getattr(self.options.node_class, method, None))

    def voters(self) -> tuple[str, ...]:
        """Return the servers that decide, as far as this server knows."""
        return node_configuration(self._engine.host.node).voters if self._engine is not None else self.names

    def leader(self) -> str | None:
        """Return the name of the leader, if this server leads or its step knows who does."""
        node = self._engine.host.node if self._engine is not None else None
        if getattr(node, "is_leader", False):
            return self.options.name
        known = getattr(node, "leader", None)
        return known if isinstance(known, str) else None

    def addresses(self) -> Mapping[str, Address]:
        """Return the addresses of all servers, by name."""
        return self.options.cluster

    def state(self) -> str:
        """Return the node's fields, except the log, and the last entries of its log, as one line of JSON."""
        return state_text(self._engine.host.node) if self._engine is not None else "{}"

    def inject_fault(self, words: list[str]) -> str | None:
        """Cut, slow or heal links; return the reason if that is refused."""
        if not self.options.allows_faults:
            return "this server was started without --allow-faults"
        return self._links.inject(words)

    def info(self) -> Mapping[str, Mapping[str, object]]:
        """Return the sections of INFO."""
        node = self._engine.host.node if self._engine is not None else None
        raft = {
            "raft_name": self.options.name,
            "raft_step": self.options.step,
            "raft_life": self.identity.life,
            **node_info(node),
            "raft_connected": ",".join(name for name, link in self._links.links.items() if link.is_connected),
        }
        return {
            "Server": {**VERSION_FIELDS, "tcp_port": self.options.cluster[self.options.name].port},
            "Clients": {"connected_clients": len(self._clients), "maxclients": self._most_clients},
            "Replication": {"role": "master" if getattr(node, "is_leader", True) else "slave"},
            "Raft": raft,
        }
