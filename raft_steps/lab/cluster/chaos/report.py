"""The report on a chaos run: counts, and a line for each question that was asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from raft_steps.lab.verify.linearizability import LinearizabilityResult
from raft_steps.lab.verify.linearizability.history import Operation
from raft_steps.lab.verify.properties import Violation

MOST_LOST = 5  # lost writes that are listed
Verdict = Literal["ok", "failed", "unknown"]


@dataclass(slots=True, kw_only=True)
class ChaosReport:
    """What a chaos run showed; it prints as text.

    Attributes:
        title: What the servers ran.
        servers: How many they were.
        clients: How many clients worked.
        seed: The seed of faults and requests.
        seconds: How long the clients worked.
        faults: How often each kind of fault happened.
        outcomes: How many operations were ok, failed (known not to have happened) and unknown.
        acknowledged: How many writes and deletions were acknowledged.
        longest_gap_s: The longest time without an acknowledged write.
        elections: How often a server began to lead.
        events: How many events the traces hold.
        violations: The first violation of each property that was broken.
        failed: The errors of Nodes that raised, hung or returned something.
        lost: Acknowledged writes that are not in the leader's log at the end.
        serves: Whether the cluster answered again after everything was mended.
        writes: Whether the writes and the last reads are linearizable; None if there were none.
        reads: Whether everything is, with the reads during the run.
        reads_count: Whether the servers promise that.
        problem: Why the run ended early; "" if it did not.
        folder: The folder with databases, traces and histories; None if it was removed.
    """

    title: str
    servers: int
    clients: int
    seed: int
    seconds: float
    faults: Counter[str]
    outcomes: Counter[str]
    acknowledged: int
    longest_gap_s: float
    elections: int
    events: int
    violations: tuple[Violation, ...]
    failed: tuple[str, ...]
    lost: tuple[Operation, ...]
    serves: bool
    writes: LinearizabilityResult | None
    reads: LinearizabilityResult | None
    reads_count: bool
    problem: str
    folder: Path | None

    @property
    def verdict(self) -> Verdict:
        """``ok``, ``failed``, or ``unknown`` if a question could not be decided."""
        required = [self.writes, self.reads if self.reads_count else None]
        verdicts = {result.verdict for result in required if result is not None}
        if self.violations or self.failed or self.lost or "violated" in verdicts:
            return "failed"
        if self.problem or "unknown" in verdicts or not self.acknowledged:
            return "failed" if not self.problem and not self.acknowledged and not self.serves else "unknown"
        return "ok" if self.serves else "failed"

    def __str__(self) -> str:
        """Format the report."""
        outcomes = ", ".join(f"{self.outcomes[name]:,} {name}" for name in ("ok", "failed", "unknown"))
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items())) or "none"
        who = f"{self.title}, {self.servers} servers, {self.clients} clients, seed {self.seed}"
        lines = [
            f"chaos: {who}, {self.seconds:.0f} s of load",
            f"  faults      {self.faults.total()}: {faults}",
            f"  operations  {self.outcomes.total():,}: {outcomes}; {self.acknowledged:,} writes were acknowledged",
            f"  elections   {self.elections}; the longest time without an acknowledged write: {self.longest_gap_s:.1f} s",
            *self._properties(),
            *self._writes(),
            *self._reads(),
        ]
        if self.problem:
            lines.append(f"The run ended early: {self.problem}")
        if self.folder is not None:
            lines.append(f"Databases, traces and histories (EDN for Knossos, and Porcupine's format): {self.folder}")
        lines.append({"ok": "Passed.", "failed": "FAILED.", "unknown": "NOT DECIDED."}[self.verdict])
        return "\n".join(lines)

    __repr__ = __str__

    def _properties(self) -> list[str]:
        lines = [f"  FAILED  a Node failed: {error.splitlines()[0]}" for error in self.failed]
        lines += [f"  FAILED  {violation}" for violation in self.violations]
        return lines or [f"  ok      The properties of Raft hold in all {self.events:,} events."]

    def _writes(self) -> list[str]:
        if not self.serves:
            if self.problem:
                return ["  ?       The last reads were not made."]
            return ["  FAILED  After everything was mended, the cluster did not serve again."]
        lines = [
            f"  FAILED  Lost although acknowledged: {each.request}, by {each.client}" for each in self.lost[:MOST_LOST]
        ]
        if len(self.lost) > MOST_LOST:
            lines.append(f"          … and {len(self.lost) - MOST_LOST} more")
        if not self.lost:
            lines.append("  ok      Every acknowledged write is in the leader's log at the end.")
        return [
            *lines,
            *_result("The writes, and a last read of every key, are linearizable.", self.writes, is_required=True),
        ]

    def _reads(self) -> list[str]:
        found = _result("The reads during the run are linearizable, too.", self.reads, is_required=self.reads_count)
        if self.reads is not None and self.reads.verdict == "violated" and not self.reads_count:
            found.append(
                "          This does not count: before step 14 a leader that was cut off, or paused, answers reads with old values."
            )
        return found

    def as_data(self) -> dict[str, Any]:
        """Return the report as data for JSON, with times in seconds."""
        return {
            "verdict": self.verdict,
            "title": self.title,
            "servers": self.servers,
            "clients": self.clients,
            "seed": self.seed,
            "seconds": self.seconds,
            "faults": dict(sorted(self.faults.items())),
            "operations": {name: self.outcomes[name] for name in ("ok", "failed", "unknown")},
            "acknowledged": self.acknowledged,
            "longest_gap_s": self.longest_gap_s,
            "elections": self.elections,
            "events": self.events,
            "violations": [violation.as_data() for violation in self.violations],
            "failed_nodes": list(self.failed),
            "lost": [each.request for each in self.lost],
            "serves_at_the_end": self.serves,
            "writes": self.writes.verdict if self.writes is not None else None,
            "reads": self.reads.verdict if self.reads is not None else None,
            "reads_count": self.reads_count,
            "problem": self.problem,
            "folder": str(self.folder) if self.folder is not None else None,
        }


def _result(sentence: str, result: LinearizabilityResult | None, *, is_required: bool) -> list[str]:
    if result is None:
        return []
    if result.verdict == "ok":
        return [f"  ok      {sentence}"]
    mark = "?     " if result.verdict == "unknown" else "FAILED" if is_required else "note  "
    return [
        f"  {mark}  {line}" if place == 0 else f"          {line}"
        for place, line in enumerate(str(result).splitlines())
    ]
