"""The report of a sweep: data that prints as text and that a notebook shows as a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.text import plural
from raft_steps.lab.text_table import html_table
from raft_steps.lab.verify.fuzzer.profiles import find_profile
from raft_steps.lab.verify.fuzzer.trial import Trial
from raft_steps.lab.verify.properties.rules import ALL_RULES

if TYPE_CHECKING:
    from raft_steps.lab.verify.fuzzer.shrink import Shrunk

FLOOR_DURATION_S = 30  # A profile's minimum numbers of elections and faults are for runs of this length.
SEEDS_SHOWN = 8
FIRST_STEP_THAT_REELECTS = 9  # before, a server votes once in its life


@dataclass(slots=True)
class SweepReport:
    """The report of a sweep.

    Attributes:
        step: The step; None for a custom class.
        title: The name of what was tried, such as ``step 8``.
        profile: The name of the fault profile.
        servers: The number of servers.
        duration_s: The length of each run, in seconds of virtual time.
        rules: The names of the rules that must not break.
        trials: The result of each seed, in the order of the seeds.
        reference: The step of the course's Node that the Node was compared with; None if it was not.
        smallest: A failure, shrunk: the earliest one, or another that became smaller; None if there is no failure.
    """

    step: int | None
    title: str
    profile: str
    servers: int
    duration_s: float
    rules: tuple[str, ...]
    trials: list[Trial]
    reference: int | None = None
    smallest: Shrunk | None = field(default=None)

    @property
    def failed(self) -> list[Trial]:
        """The trials in which a rule broke or the Node failed."""
        return [trial for trial in self.trials if trial.broken]

    @property
    def unjudged(self) -> list[Trial]:
        """The trials in which nothing broke, but not everything could be judged: they have neither failed nor survived."""
        return [trial for trial in self.trials if trial.unjudged and not trial.broken]

    @property
    def survived(self) -> float:
        """The share of seeds that broke nothing, from 0 to 1; those that could not be judged are not among them."""
        return sum(trial.survived for trial in self.trials) / len(self.trials)

    @property
    def quiet(self) -> list[int]:
        """The seeds that broke nothing and had fewer elections or faults than the profile promises."""
        profile, whole = find_profile(self.profile), self.duration_s / FLOOR_DURATION_S
        elects = self.step is None or self.step >= FIRST_STEP_THAT_REELECTS
        return [
            trial.seed
            for trial in self.trials
            if trial.survived
            and (
                trial.faults < int(profile.hits * whole)
                or (elects and trial.elections < int(profile.elections * whole))
            )
        ]

    def broken(self) -> dict[str, list[int]]:
        """Return, for each rule that broke first in a run, the seeds of those runs, the most frequent rule first."""
        found: dict[str, list[int]] = {}
        for trial in self.failed:
            found.setdefault(trial.broken, []).append(trial.seed)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    def as_data(self) -> dict[str, Any]:
        """Return the report as data for JSON."""
        smallest = self.smallest
        return {
            "step": self.step,
            "profile": self.profile,
            "servers": self.servers,
            "seconds": self.duration_s,
            "rules": list(self.rules),
            "seeds": len(self.trials),
            "survived": sum(trial.survived for trial in self.trials),
            "unjudged": {str(trial.seed): trial.unjudged for trial in self.unjudged},
            "broken": self.broken(),
            "quiet": self.quiet,
            "reference": self.reference,
            "excused": {str(trial.seed): list(trial.excused) for trial in self.trials if trial.excused},
            "longest_wait_seconds": max(trial.longest_wait_us for trial in self.trials) / MICROSECONDS,
            **{name: self._sum(name) for name in ("elections", "faults", "answered", "events")},
            "smallest": None
            if smallest is None
            else {
                "rule": smallest.trial.broken,
                "text": smallest.trial.text,
                "seconds": smallest.trial.time_us / MICROSECONDS,
                "scenario": smallest.scenario.to_text(),
            },
        }

    def _sum(self, name: str) -> int:
        return sum(getattr(trial, name) for trial in self.trials)

    def _heading(self) -> str:
        survived = sum(trial.survived for trial in self.trials)
        unjudged = f", {len(self.unjudged)} could not be judged" if self.unjudged else ""
        return (
            f"{self.title}, profile {self.profile}, {self.servers} servers, {len(self.trials)} seeds of "
            f"{self.duration_s:g} s: {survived} survived ({self.survived:.1%}){unjudged}"
        )

    def _facts(self) -> str:
        count = len(self.trials)
        least = {name: min(getattr(trial, name) for trial in self.trials) for name in ("elections", "faults")}
        averages = [
            f"{self._sum(name) / count:.1f} {name}"
            + (f" (at least {least[name]})" if name in least and not self.failed else "")
            for name in ("elections", "faults", "answered")
        ]
        quiet = self.quiet
        few = (
            f" {plural(len(quiet), 'seed')} had fewer elections or faults than expected: {_few(quiet)}."
            if quiet
            else ""
        )
        wait_s = max(trial.longest_wait_us for trial in self.trials) / MICROSECONDS
        waited = f" Longest time without an answer: {wait_s:.1f} s."
        return f"On average: {', '.join(averages)}.{waited}{few}{self._excused()}{self._unjudged()}"

    def _unjudged(self) -> str:
        """Describe which seeds could not be judged, and why the first one could not."""
        if not self.unjudged:
            return ""
        seeds, first = [trial.seed for trial in self.unjudged], self.unjudged[0]
        return f" Could not be judged: {plural(len(seeds), 'seed')} ({_few(seeds)}). At seed {first.seed}, {first.unjudged}."

    def _excused(self) -> str:
        """Describe which rules were broken where the course's Node breaks them, too."""
        seeds = [trial.seed for trial in self.trials if trial.excused]
        names = sorted({name for trial in self.trials for name in trial.excused})
        if not seeds:
            return ""
        return f" In {plural(len(seeds), 'seed')} the Node of step {self.reference} breaks a rule, too: {', '.join(names)}."

    def _rows(self) -> list[tuple[str, str, str]]:
        sentences = {rule.name: rule.sentence for rule in ALL_RULES}
        return [(name, _few(seeds), sentences.get(name, "")) for name, seeds in self.broken().items()]

    def __str__(self) -> str:
        """Format what broke at which seeds, and the smallest failure."""
        lines = [self._heading(), self._facts()]
        lines += [f"  {name}: {seeds}" for name, seeds, _ in self._rows()]
        if self.smallest is not None:
            lines += ["A failure, made small:", str(self.smallest)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Format the same as HTML, with a table."""
        rows = self._rows()
        header = ("broken first", "at seeds", "the rule")
        table = html_table(rows, header=header, align=("", "left", "left")) if rows else ""
        small = f"<pre>{escape(str(self.smallest))}</pre>" if self.smallest is not None else ""
        return f"<p>{escape(self._heading())}<br>{escape(self._facts())}</p>{table}{small}"


def _few(seeds: list[int]) -> str:
    shown = ", ".join(map(str, seeds[:SEEDS_SHOWN]))
    return shown if len(seeds) <= SEEDS_SHOWN else f"{shown} and {len(seeds) - SEEDS_SHOWN} more"
