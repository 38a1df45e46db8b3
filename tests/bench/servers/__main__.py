"""Measures real servers side by side with etcd and PySyncObj: ``python -m tests.bench.servers``; Linux only.

Each has three servers on this machine, with clients that are written in C (PySyncObj has none: its program writes). What is
compared is measured in turns, and each figure is the median. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from raft_steps.lab.text_table import text_table
from tests.bench.servers.etcd import Etcd, QuickEtcd
from tests.bench.servers.ours import PatientRaftSteps, RaftSteps
from tests.bench.servers.peers import PAUSE_S, Load, MissingPeer, Peer, Rate, UnfitMachine, cpu_s, resident_mb
from tests.bench.servers.pysyncobj import PySyncObj

LOADS = (
    Load("one write at a time", 1, 1, 3_000),
    Load("writes, 256 connections", 256, 1, 40_000),
    Load("writes, 4 connections with 64 in flight", 4, 64, 80_000),
    Load("reads, 256 connections", 256, 1, 40_000, reads=True),
)
PIECES = ("loads", "failover", "idle", "memory")
IDLE_S = 10.0
MEMORY_WRITES, MEMORY_PARTS = 1_000_000, 5
ROUNDS, TRIALS = 3, 15

Rows = list[Sequence[str]]


def load_rows(kinds: Sequence[type[Peer]], rounds: int, share: float) -> Rows:
    """Measure all loads, at each cluster in turn."""
    rates: dict[tuple[str, str], list[Rate]] = {}
    for _ in range(rounds):
        for kind in kinds:
            with kind() as peer:
                for load in LOADS:
                    rate = peer.rate(replace(load, requests=max(256, int(share * load.requests))))
                    if rate is not None:
                        rates.setdefault((load.name, kind.title), []).append(rate)
    rows: Rows = [("load", *(f"{kind.title}: a second (median and 99% in ms)" for kind in kinds), "of etcd")]
    for load in LOADS:
        cells, found = [], {}
        for kind in kinds:
            measured = rates.get((load.name, kind.title))
            if measured is None:
                cells.append("")
                continue
            per_s, half_ms, most_ms = (
                statistics.median(column) for column in zip(*(vars(rate).values() for rate in measured), strict=True)
            )
            found[kind.title] = per_s
            cells.append(f"{per_s:,.0f} ({half_ms:.1f}, {most_ms:.1f})")
        ratio = f"{found[RaftSteps.title] / found['etcd']:.2f}" if {RaftSteps.title, "etcd"} <= set(found) else ""
        rows.append((load.name, *cells, ratio))
    return rows


def failover_ms(peer: Peer) -> float:
    """Kill the leader; return how long it takes until a write is accepted that was begun after that."""
    killed = peer.leader()
    accepted = peer.next_write(killed)
    done, ended_s = threading.Event(), []

    def try_again_and_again(name: str) -> None:
        while not done.is_set():
            try:
                if accepted(name):
                    ended_s.append(time.monotonic())
                    done.set()
            except OSError:
                pass  # It has no room for a connection yet.
            time.sleep(PAUSE_S)

    peer.kill(killed)
    start_s = time.monotonic()
    threads = [threading.Thread(target=try_again_and_again, args=(name,)) for name in peer.processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1000 * (min(ended_s) - start_s)


def failover_rows(kinds: Sequence[type[Peer]], trials: int) -> Rows:
    """Measure how long a cluster is without a leader, each time with a new cluster."""
    took: dict[str, list[float]] = {kind.title: [] for kind in kinds}
    for _ in range(trials):
        for kind in kinds:
            with kind() as peer:
                took[kind.title].append(failover_ms(peer))
    rows: Rows = [("kill -9 of the leader to the next accepted write", "median ms", "shortest", "longest")]
    for title, times in took.items():
        rows.append((title, *(f"{each:.0f}" for each in (statistics.median(times), min(times), max(times)))))
    return rows


def idle_rows(kinds: Sequence[type[Peer]], seconds: float) -> Rows:
    """Measure how much processor time a cluster takes that has nothing to do."""
    rows: Rows = [("processor time of an idle cluster", "leader", "followers")]
    for kind in kinds:
        with kind() as peer:
            peer.rate(replace(LOADS[0], requests=256))  # As after any work, and not as after a start.
            time.sleep(1.0)
            leader, pids = peer.leader(), peer.pids()
            before = {name: cpu_s(pid) for name, pid in pids.items()}
            time.sleep(seconds)
            share = {name: (cpu_s(pid) - before[name]) / seconds for name, pid in pids.items()}
        followers = ", ".join(f"{value:.1%}" for name, value in share.items() if name != leader)
        rows.append((kind.title, f"{share[leader]:.1%}", followers))
    return rows


def memory_rows(writes: int) -> Rows:
    """Measure how much memory our servers hold while small values are written."""
    rows: Rows = [("memory after small writes, in MB", "leader", "followers", "writes a second")]
    with PatientRaftSteps() as peer:
        for part in range(MEMORY_PARTS + 1):
            rate = peer.rate(Load("", 4, 64, writes // MEMORY_PARTS)) if part else None
            leader = peer.leader()
            held = {name: f"{resident_mb(pid):,.0f}" for name, pid in peer.pids().items()}
            followers = ", ".join(value for name, value in held.items() if name != leader)
            done = f"{writes // MEMORY_PARTS * part:,}"
            rows.append((done, held[leader], followers, f"{rate.per_s:,.0f}" if rate else ""))
    return rows


def available(kinds: Sequence[type[Peer]]) -> list[type[Peer]]:
    """Return the clusters that can be measured here, and say why the others cannot."""
    found = []
    for kind in kinds:
        try:
            kind.require()
        except MissingPeer as reason:
            print(f"{kind.title} is left out: {reason}")
        else:
            found.append(kind)
    return found


def main(arguments: list[str]) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PIECES, nargs="*", default=PIECES, help="measure these pieces only")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each load is measured")
    parser.add_argument("--quick", action="store_true", help="do little, to see that everything works")
    options = parser.parse_args(arguments)
    quick: bool = options.quick
    kinds = available((RaftSteps, Etcd, PySyncObj))
    loaded = [PatientRaftSteps if kind is RaftSteps and not quick else kind for kind in kinds]
    if RaftSteps not in kinds:
        sys.exit(1)
    pieces = {
        "loads": lambda: load_rows(loaded, 1 if quick else options.rounds, 0.01 if quick else 1.0),
        "failover": lambda: failover_rows(
            available((RaftSteps, QuickEtcd, PySyncObj)) if not quick else [RaftSteps], 1 if quick else TRIALS
        ),
        "idle": lambda: idle_rows(kinds, 1.0 if quick else IDLE_S),
        "memory": lambda: memory_rows(2_000 if quick else MEMORY_WRITES),
    }
    for piece in options.only:
        try:
            print(*text_table(pieces[piece]()), "", sep="\n", flush=True)
        except UnfitMachine as reason:
            sys.exit(f"{reason}: the machine has too much else to do")


if __name__ == "__main__":
    main(sys.argv[1:])
