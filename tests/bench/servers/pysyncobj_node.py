"""The program of one server of PySyncObj: it carries out what it reads, a line each, and prints the result as JSON."""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import threading
import time
from typing import Any

VALUE = "x" * 16
KEYS = 100_000


def main(addresses: list[str]) -> None:
    """Serve until the end of the input.

    Args:
        addresses: This server's, and those of the others.
    """
    library: Any = importlib.import_module("pysyncobj")
    batteries: Any = importlib.import_module("pysyncobj.batteries")
    settings = library.SyncObjConf(
        appendEntriesUseBatch=False,  # With it, one write takes as long as a heartbeat.
        appendEntriesPeriod=0.04,  # It must be less than a third of the shortest timeout.
        raftMinTimeout=0.15,
        raftMaxTimeout=0.3,
        journalFile=addresses[0].replace(":", "-") + ".journal",
        commandsQueueSize=10_000_000,
    )
    values = batteries.ReplDict()
    server = library.SyncObj(addresses[0], addresses[1:], conf=settings, consumers=[values])
    for line in sys.stdin:
        match line.split():
            case ["leads"]:
                print(json.dumps(server.isReady() and server._isLeader()), flush=True)
            case ["rate", in_flight, requests]:
                print(json.dumps(rate(values, int(in_flight), int(requests))), flush=True)
            case ["write", limit_s, value]:
                print(json.dumps(accepts(library, values, float(limit_s), value)), flush=True)


def accepts(library: Any, values: Any, limit_s: float, value: str) -> bool:
    """Return whether a write is accepted in time."""
    try:
        values.set("x", value, sync=True, timeout=limit_s)
    except library.SyncObjException:
        return False
    return True


def rate(values: Any, in_flight: int, requests: int) -> tuple[float, float, float]:
    """Write, with a number of writes open at any time; return writes a second, and half and 99% of the times in ms."""
    room, took_ms = threading.Semaphore(in_flight), []
    start_s = time.perf_counter()
    for number in range(requests):
        room.acquire()

        def answered(_result: object, error: object, sent_s: float = time.perf_counter()) -> None:
            assert not error, error
            took_ms.append(1000 * (time.perf_counter() - sent_s))
            room.release()

        values.set(f"key:{number * 7919 % KEYS:012}", VALUE, callback=answered)
    for _ in range(in_flight):
        room.acquire()
    took_s = time.perf_counter() - start_s
    return requests / took_s, statistics.median(took_ms), statistics.quantiles(took_ms, n=100)[98]


if __name__ == "__main__":
    main(sys.argv[1:])
