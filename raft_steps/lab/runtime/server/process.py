"""A server's process: it serves until it is stopped, and ends with a sentence and an exit status."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys

from raft_steps.lab.runtime.server.server import Server, ServerOptions
from raft_steps.lab.runtime.watchdog import bounded


def serve(options: ServerOptions, parent_pipe: int | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        options: What the server is.
        parent_pipe: A file descriptor that is closed when the process that started this one ends; the server then
            stops, too.

    Raises:
        NodeError: The Node failed.
        ServerError: The server cannot start.
    """
    started: list[Server] = []
    idle = itertools.count()

    def progress() -> int:
        server = started[0] if started else None
        # Between two calls of a handler nothing can be stuck.
        return server.calls if server is not None and server.is_handling else -next(idle)

    # Around the event loop: while a handler runs, no coroutine's frame is on the stack.
    with bounded(progress), contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(options, parent_pipe, started))


async def _serve(options: ServerOptions, parent_pipe: int | None, started: list[Server]) -> None:
    def log(text: str) -> None:
        # One write for a line, so that the lines of several servers on one terminal stay whole.
        sys.stderr.write(f"{options.name}: {text}\n")
        sys.stderr.flush()

    server = Server(options, log)
    started.append(server)
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    if parent_pipe is not None:
        loop.add_reader(parent_pipe, task.cancel)
    await server.run()
