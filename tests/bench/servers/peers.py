"""What every cluster that is measured can do, and the processes behind it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from raft_steps.lab.runtime.server.supervisor import free_cluster

NAMES = ("tom", "jerry", "spike")
START_LIMIT_S = 30.0
TRY_LIMIT_S = 0.25  # for one write while there is no leader
PAUSE_S = 0.01  # between two of them
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What clients ask for.

    Attributes:
        name: What it is called in the table.
        connections: How many clients there are.
        in_flight: How many requests each has open at any time.
        requests: How many requests they send together.
        reads: Whether they read.
    """

    name: str
    connections: int
    in_flight: int
    requests: int
    reads: bool = False


@dataclass(frozen=True)
class Rate:
    """What a load has measured: requests a second, and half and 99% of the waiting times in milliseconds."""

    per_s: float
    half_ms: float
    most_ms: float


class MissingPeer(Exception):  # noqa: N818  # It is skipped; nothing has failed.
    """A peer cannot be measured on this machine; the message says what to install."""


class UnfitMachine(Exception):  # noqa: N818  # Nothing has failed but the measurement.
    """The machine has too much else to do: elections come between."""


class Peer(ABC):
    """A cluster of three servers on this machine; used as a context manager, it ends them and removes their files.

    Attributes:
        title: What it is called in the table.
        folder: The folder for its files.
        ports: Two free ports of each server.
    """

    title: str

    def __init__(self) -> None:
        """Start the servers, and wait for a leader.

        Raises:
            MissingPeer: Something is not installed.
        """
        self.require()
        self.folder = Path(tempfile.mkdtemp(prefix="raft-steps-bench-"))
        self._addresses = free_cluster(NAMES)  # Kept, because they are reserved as long as this object exists.
        self.ports = {name: (each.port, each.peer_port) for name, each in self._addresses.items()}
        self.processes: dict[str, subprocess.Popen[str]] = {}
        try:
            self.start()
            wait_until(lambda: bool(self.leader()), f"a leader of {self.title}")
        except BaseException:
            self.close()
            raise

    @classmethod
    @abstractmethod
    def require(cls) -> None:
        """Raise MissingPeer if something is not installed."""

    @abstractmethod
    def start(self) -> None:
        """Start the servers."""

    @abstractmethod
    def leader(self) -> str:
        """Return the leader; "" if there is none."""

    @abstractmethod
    def rate(self, load: Load) -> Rate | None:
        """Measure a load at the leader; None if there is nothing like it."""

    @abstractmethod
    def next_write(self, killed: str) -> Callable[[str], bool]:
        """Return a function that tries one write at a server, and returns whether it was accepted."""

    def start_process(self, name: str, *command: str, pipes: bool = False) -> None:
        """Start the process of a server."""
        channel = subprocess.PIPE if pipes else subprocess.DEVNULL
        with (self.folder / f"{name}.err").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, stdin=channel, stdout=channel, stderr=log, text=True, cwd=self.folder
            )

    def pids(self) -> dict[str, int]:
        """Return the number of each server's process."""
        return {name: process.pid for name, process in self.processes.items()}

    def kill(self, name: str) -> None:
        """End a server with kill -9."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        """End all servers and remove their files."""
        for name in list(self.processes):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return the cluster itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all servers."""
        self.close()


def wait_until(condition: Callable[[], bool], what: str, limit_s: float = START_LIMIT_S) -> None:
    """Wait for a condition, which may fail with an OSError before it holds.

    Raises:
        TimeoutError: It does not hold in time.
    """
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        with contextlib.suppress(OSError):
            if condition():
                return
        time.sleep(0.02)
    raise TimeoutError(f"no {what} within {limit_s:g} s")


def require_program(program: str, package: str) -> str:
    """Return the path of a program.

    Raises:
        MissingPeer: It is not installed.
    """
    found = shutil.which(program)
    if found is None:
        raise MissingPeer(f"there is no {program} here; on Debian and Ubuntu: apt install {package}")
    return found


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used, in seconds (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Return how much memory a process holds, in megabytes (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
