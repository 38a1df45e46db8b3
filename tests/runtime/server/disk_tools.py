"""Real servers inside the test's own process, whose disks can be full."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from raft_steps import node
from raft_steps.lab.runtime.server import server as server_module
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.server import Server, ServerOptions
from raft_steps.lab.scenario.model import TIMINGS

LIMIT_S = 20.0  # for what takes milliseconds


def options_of(step: int, cluster: Mapping[str, Address], folder: Path, name: str = "tom") -> ServerOptions:
    """Return the options of a server of a step, whose folder is NAME.d in a folder."""
    return ServerOptions(
        name=name, cluster=cluster, node_class=node(step), step=f"step {step}", folder=folder / f"{name}.d",
        timing=TIMINGS["paper"], patience_s=LIMIT_S,
    )  # fmt: skip


@dataclass
class Running:
    """A server that runs in this event loop.

    Attributes:
        server: The server.
        lines: What it wrote to standard error.
        wrote: Set with every line.
    """

    options: ServerOptions
    lines: list[str] = field(default_factory=list)
    wrote: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Open its disk."""
        self.server = Server(self.options, self._log)

    def _log(self, text: str) -> None:
        self.lines.append(text)
        self.wrote.set()

    async def until_it_says(self, words: str) -> str:
        """Wait for a line that holds these words."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for line in self.lines:
                    if words in line:
                        return line
                self.wrote.clear()
                await self.wrote.wait()

    async def connect(self) -> Connection:
        """Return a client's connection."""
        address = self.options.cluster[self.options.name]
        return Connection(*await asyncio.open_connection(address.host, address.port))

    def limit_disk(self, pages: int) -> None:
        """Let the database have so many pages."""
        self.server._database._connection.execute(f"PRAGMA max_page_count = {pages}")

    def fill_disk(self) -> None:
        """Leave no room for another page."""
        self.limit_disk(1)  # SQLite makes it the present number of pages.


@dataclass
class Connection:
    """A client's connection; a command is a line of words."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, words: str) -> str:
        """Send a command and return the first line of its reply; "" if the connection ends."""
        self.writer.write(words.encode() + b"\r\n")
        async with asyncio.timeout(LIMIT_S):
            with contextlib.suppress(ConnectionError):
                return (await self.reader.readline()).decode().rstrip()
        return ""

    async def ask_leader(self, words: str) -> str:
        """Send a command until the server leads, which it does soon if it is alone; return the reply."""
        while (found := await self.ask(words)).startswith("-NOTLEADER"):
            pass
        return found

    async def info(self) -> dict[str, str]:
        """Return what the server reports of itself."""
        length = int((await self.ask("INFO raft"))[1:])
        text = (await self.reader.readexactly(length + 2)).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def running(options: ServerOptions) -> AsyncIterator[Running]:
    """Run a server; it is stopped at the end."""
    found = Running(options)
    task = asyncio.create_task(found.server.run())
    try:
        await found.until_it_says("begins")
        yield found
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until a condition holds."""
    async with asyncio.timeout(LIMIT_S):
        for _ in iter(condition, True):
            await asyncio.sleep(0)


@contextlib.contextmanager
def limited_files(most_bytes: int) -> Iterator[None]:
    """Let no file of this process grow longer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers try again at once after their disk was full."""
    monkeypatch.setattr(server_module, "RETRY_S", 0.01)
