"""Measures how long commits wait for checkpoints: ``python -m tests.bench.checkpoints [MEGABYTES]``.

One large value is stored, then small ones while the checkpoint runs: once as SQLite does it by itself, in the commit that
makes the log long, and once by the server's checkpointer. A follower waits at least 150 ms for its leader.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from raft_steps import node
from raft_steps.lab import Entry, Set
from raft_steps.lab.runtime.server import checkpointer
from raft_steps.lab.runtime.server.database import Database

ROUNDS, SMALL = 5, 300


def measure(folder: Path, megabytes: float, *, by_sqlite: bool) -> tuple[float, float]:
    """Return how long the commit of the large value took, and the longest of the small ones after it, in milliseconds."""
    database = Database(folder, {"name": "tom", "servers": "tom", "step": "step 1"}, node(1))
    database.begin_life()
    if by_sqlite:
        database._connection.execute("PRAGMA wal_autocheckpoint = 1000")
        database.checkpointer.committed = lambda size_bytes: None  # type: ignore[method-assign]
    took_ms = []
    for index in range(1, SMALL + 2):
        value = "y" * (int(megabytes * 1_000_000) if index == 1 else 16)
        database.store_log("log", [("append", Entry(index=index, term=1, command=Set(key="x", value=value)))])
        start_s = time.perf_counter()
        database.commit()
        took_ms.append(1000 * (time.perf_counter() - start_s))
    database.close()
    return took_ms[0], max(took_ms[1:])


def main() -> None:
    """Print a table of medians."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"{megabytes:g} MB, then {SMALL} small values; medians of {ROUNDS} rounds, in ms")
    for what, by_sqlite in (("SQLite by itself", True), ("a thread", False)):
        rounds = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                rounds.append(measure(Path(folder), megabytes, by_sqlite=by_sqlite))
        large, small = (sorted(each)[ROUNDS // 2] for each in zip(*rounds, strict=True))
        print(f"{what:18} commit of the large value {large:6.1f}   longest small commit {small:6.1f}")
    print(f"a checkpoint begins after about {checkpointer.CHECKPOINT_BYTES / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
