"""A scenario file with checks: what it holds, and how it is read.

It is a scenario with one part on each line, remarks after `#`, and these lines beside:

    name ReElection                               what it is called
    known as MIT 6.5840, ReElection3A             where it is known from; as many lines as there are places
    script writes from 2 count 50 every 0.01      actions that are made from the run's seed, see `scripts`
    hold Election Safety                          a property that no event may break
    expect 5 one leader                           what is to be seen at a time, see `expectations`
    not yet 4 until 9: one sentence               which steps fail, from step 4 until step 9 mends it, and why

In every run no server may carry two commands out at one index, or leave an index out.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.conformance.expectations import Expectation, read_expectation
from raft_steps.lab.verify.conformance.scripts import Script, read_script
from raft_steps.lab.verify.properties import RULES, Rule
from raft_steps.lab.verify.properties.rules import STATE_MACHINE_SAFETY

OWN_LINES = ("name", "known as", "script", "hold", "expect", "not yet")
NOT_YET = re.compile(r"(\d+) until (\d+): (\S.*)")


@dataclass(frozen=True, slots=True)
class NotYet:
    """Which steps do not pass a scenario yet.

    Attributes:
        first: The first step that fails.
        mended_by: The step that mends it.
        why: What breaks, in a sentence.
    """

    first: int
    mended_by: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One scenario of the catalogue.

    Attributes:
        name: What it is called.
        known_as: Where it is known from.
        about: What happens in it: the remarks that its file begins with.
        plain: The scenario without a step, a seed, and what its scripts make.
        scripts: What makes actions from the seed.
        rules: The properties that no event may break.
        expectations: What is to be seen, and when.
        not_yet: Which steps fail, and why.
    """

    name: str
    known_as: tuple[str, ...]
    about: str
    plain: Scenario
    scripts: tuple[Script, ...]
    rules: tuple[Rule, ...]
    expectations: tuple[Expectation, ...]
    not_yet: tuple[NotYet, ...]

    def scenario(self, step: int | None, seed: int) -> Scenario:
        """Give the whole scenario: the actions of its lines, and those that its scripts make of a seed.

        Args:
            step: The step whose Node runs; None with a class of one's own.
            seed: What chance begins with.
        """
        made = [action for script in self.scripts for action in script.actions(seed, self.plain.servers)]
        actions = tuple(sorted((*self.plain.actions, *made), key=lambda action: action.at_us))
        return dataclasses.replace(self.plain, step=step, seed=seed, actions=actions)

    def fails(self, step: int) -> NotYet | None:
        """Say why a step does not pass it yet; None for a step that does."""
        for gap in self.not_yet:
            if gap.first <= step < gap.mended_by:
                return gap
        return None

    @property
    def counts(self) -> bool:
        """Whether an expectation asks for calls or bytes."""
        return any(each.sentence.startswith(("calls", "bytes")) for each in self.expectations)


def read_file(path: Path) -> Entry:
    """Read a scenario file.

    Raises:
        ScenarioError: A line cannot be read; the message says which, and what would be right.
        OSError: There is no such file.
    """
    return read_entry(path.read_text(encoding="utf-8"), path.name)


def read_entry(text: str, where: str = "the scenario") -> Entry:
    """Read a scenario with checks.

    Args:
        text: What the file holds.
        where: What to call it in an error.

    Raises:
        ScenarioError: A line cannot be read; the message says which, and what would be right.
    """
    clauses: list[str] = []
    found: dict[str, list[str]] = {line: [] for line in OWN_LINES}
    remarks: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#") and not clauses:
            remarks.append(line.lstrip("# "))
        content = re.sub(r"(^|\s)#.*", "", line).strip()
        own = next((word for word in OWN_LINES if content.startswith(f"{word} ")), "")
        try:
            if own:
                _check_line(own, content.removeprefix(own).strip())
                found[own].append(content.removeprefix(own).strip())
            elif content:
                clauses.append(content)
                Scenario.parse("; ".join(clauses))
        except ScenarioError as error:
            raise ScenarioError(f"{where}, line {number}: {error}") from error
    try:
        return _build(found, clauses, " ".join(remarks))
    except ScenarioError as error:
        raise ScenarioError(f"{where}: {error}") from error


def _check_line(own: str, content: str) -> None:
    """Refuse a line that cannot be read, while its number is known."""
    match own:
        case "expect":
            read_expectation(content)
        case "script":
            read_script(content)
        case "hold":
            _rule(content)
        case "not yet":
            _not_yet(content)


def _build(found: dict[str, list[str]], clauses: list[str], about: str) -> Entry:
    plain = Scenario.parse("; ".join(clauses))
    if len(found["name"]) != 1:
        raise ScenarioError("a scenario with checks has one name, as in: name ReElection")
    expectations = tuple(read_expectation(line) for line in found["expect"])
    if not expectations and not found["hold"]:
        raise ScenarioError("it expects nothing, so every Node would pass; say: expect SECONDS SENTENCE")
    if plain.until_us is None:
        raise ScenarioError("it has no end; say: until SECONDS")
    if any(each.end > plain.until_us for each in expectations):
        raise ScenarioError("it expects something after its end")
    gaps = tuple(sorted((_not_yet(line) for line in found["not yet"]), key=lambda gap: gap.first))
    if any(one.mended_by > other.first for one, other in pairwise(gaps)):
        raise ScenarioError("two lines say why the same step does not pass yet")
    return Entry(
        name=found["name"][0],
        known_as=tuple(found["known as"]),
        about=about,
        plain=plain,
        scripts=tuple(read_script(line) for line in found["script"]),
        rules=(STATE_MACHINE_SAFETY, *(_rule(line) for line in found["hold"])),
        expectations=tuple(sorted(expectations, key=lambda each: each.end)),
        not_yet=gaps,
    )


def _rule(name: str) -> Rule:
    for rule in RULES:
        if rule.name == name:
            return rule
    raise ScenarioError(f"there is no property {name!r}{nearest(name, [rule.name for rule in RULES])}")


def _not_yet(line: str) -> NotYet:
    parts = NOT_YET.fullmatch(line)
    if parts is None or int(parts[1]) >= int(parts[2]):
        raise ScenarioError(f"not yet {line}: the form is: not yet FIRST_STEP until STEP: WHY")
    return NotYet(int(parts[1]), int(parts[2]), parts[3])
