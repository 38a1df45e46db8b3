"""An entry of the catalogue: a scenario file with expectations, and its parser.

A file is a scenario with one clause on each line, comments after ``#``, and these lines in addition:

    name ReElection                               the entry's name
    known as MIT 6.5840, ReElection3A             a test of another course that it stands for; a line for each
    script writes from 2 count 50 every 0.01      actions that are generated from the run's seed, see `scripts`
    hold Election Safety                          a property that no event may break
    expect 5 one leader                           what must be true at a time, see `expectations`
    not yet 4 until 9: one sentence               which steps fail, here steps 4 to 8, and why

In every run, no server may apply two commands at one index, or skip an index.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.files import read_text
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.text import nearest, plain_text
from raft_steps.lab.verify.conformance.expectations import Expectation, read_expectation
from raft_steps.lab.verify.conformance.scripts import Script, read_script
from raft_steps.lab.verify.properties import ALL_RULES, Rule
from raft_steps.lab.verify.properties.rules import SERVICE, STATE_MACHINE_SAFETY

KEYWORDS = ("name", "known as", "script", "hold", "expect", "not yet")  # of the lines that a plain scenario lacks
HELD = tuple(rule for rule in ALL_RULES if rule is not SERVICE)  # what a run by itself can break
NOT_YET = re.compile(r"([0-9]{1,9}) until ([0-9]{1,9}): (\S.*)")


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """A range of steps that do not pass a scenario yet, with the reason.

    Attributes:
        first: The first step that fails.
        mended_by: The first later step that no longer fails for this reason.
        why: The reason, in a sentence.
    """

    first: int
    mended_by: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CatalogueEntry:
    """A scenario of the catalogue with its expectations.

    Attributes:
        name: Its name.
        known_as: The tests of other courses that it stands for.
        about: What happens in it: the comments at the beginning of its file.
        plain: The scenario without a step, a seed, and the actions of its scripts.
        scripts: Generators of further actions.
        rules: The properties that no event may break.
        expectations: What must be true, and when.
        known_failures: Which steps fail, and why.
    """

    name: str
    known_as: tuple[str, ...]
    about: str
    plain: Scenario
    scripts: tuple[Script, ...]
    rules: tuple[Rule, ...]
    expectations: tuple[Expectation, ...]
    known_failures: tuple[KnownFailure, ...]

    def scenario(self, step: int | None, seed: int) -> Scenario:
        """Build the whole scenario: the actions of the file, and those of its scripts.

        Args:
            step: The step whose Node runs; None with a custom class.
            seed: The seed of the run and of its scripts.
        """
        generated = [action for script in self.scripts for action in script.actions(seed, self.plain.servers)]
        actions = tuple(sorted((*self.plain.actions, *generated), key=lambda action: action.at_us))
        return dataclasses.replace(self.plain, step=step, seed=seed, actions=actions)

    def known_failure_of(self, step: int) -> KnownFailure | None:
        """Return why a step does not pass yet; None for a step that should pass."""
        for failure in self.known_failures:
            if failure.first <= step < failure.mended_by:
                return failure
        return None

    @property
    def counts_traffic(self) -> bool:
        """Whether an expectation is about the number of calls or bytes."""
        return any(each.sentence.startswith(("calls", "bytes")) for each in self.expectations)


def read_file(path: Path) -> CatalogueEntry:
    """Read a scenario file.

    Raises:
        ScenarioError: A line cannot be parsed; the message has its number and the right form.
        NotTextError: The file is not a text file.
        OSError: The file cannot be read.
    """
    return read_entry(read_text(path, "a scenario with expectations"), path.name)


def read_entry(text: str, where: str = "the scenario") -> CatalogueEntry:
    """Parse the text of a scenario file.

    Args:
        text: The text.
        where: The name of the file, for errors.

    Raises:
        ScenarioError: A line cannot be parsed; the message has its number and the right form.
    """
    clauses: list[str] = []
    found: dict[str, list[str]] = {keyword: [] for keyword in KEYWORDS}
    comments: list[str] = []
    for number, line in enumerate(plain_text(text).split("\n"), start=1):
        if line.startswith("#") and not clauses:
            comments.append(line.lstrip("# "))
        # Only after a space: in tom>jerry#7 the sign belongs to the name of a message.
        content = re.sub(r"(^|\s)#.*", "", line).strip()
        keyword = next((word for word in KEYWORDS if content.startswith(f"{word} ")), "")
        try:
            if keyword:
                _check_line(keyword, content.removeprefix(keyword).strip())
                found[keyword].append(content.removeprefix(keyword).strip())
            elif content:
                clauses.append(content)
                Scenario.parse("; ".join(clauses))  # An error here is an error of this line.
        except ScenarioError as error:
            raise ScenarioError(f"{where}, line {number}: {error}") from error
    try:
        return _build(found, clauses, " ".join(comments))
    except ScenarioError as error:
        raise ScenarioError(f"{where}: {error}") from error


def _check_line(keyword: str, content: str) -> None:
    """Check that a line can be parsed: here, unlike in `_build`, an error can be reported with the line's number."""
    match keyword:
        case "expect":
            read_expectation(content)
        case "script":
            read_script(content)
        case "hold":
            _find_rule(content)
        case "not yet":
            _read_known_failure(content)


def _build(found: dict[str, list[str]], clauses: list[str], about: str) -> CatalogueEntry:
    plain = Scenario.parse("; ".join(clauses))
    if len(found["name"]) != 1:
        raise ScenarioError("a scenario with expectations has one name, as in: name ReElection")
    expectations = tuple(read_expectation(line) for line in found["expect"])
    if not expectations and not found["hold"]:
        raise ScenarioError("it expects nothing, so every Node would pass; add a line: expect SECONDS SENTENCE")
    if plain.until_us is None:
        raise ScenarioError("it has no end; add a line: until SECONDS")
    if any(each.end_us > plain.until_us for each in expectations):
        raise ScenarioError("it expects something after its end")
    failures = tuple(
        sorted((_read_known_failure(line) for line in found["not yet"]), key=lambda failure: failure.first)
    )
    if any(one.mended_by > other.first for one, other in pairwise(failures)):
        raise ScenarioError("two lines give a reason why the same step does not pass yet")
    entry = CatalogueEntry(
        name=found["name"][0],
        known_as=tuple(found["known as"]),
        about=about,
        plain=plain,
        scripts=tuple(read_script(line) for line in found["script"]),
        rules=(STATE_MACHINE_SAFETY, *(_find_rule(line) for line in found["hold"])),
        expectations=tuple(sorted(expectations, key=lambda each: each.end_us)),
        known_failures=failures,
    )
    entry.scenario(None, 0)  # An action of a script that cannot be carried out is an error of the file.
    return entry


def _find_rule(name: str) -> Rule:
    for rule in HELD:
        if rule.name == name:
            return rule
    raise ScenarioError(f"there is no property {name!r}{nearest(name, [rule.name for rule in HELD])}")


def _read_known_failure(line: str) -> KnownFailure:
    parts = NOT_YET.fullmatch(line)
    if parts is None or int(parts[1]) >= int(parts[2]):
        raise ScenarioError(f"not yet {line}: the form is: not yet FIRST_STEP until STEP: WHY")
    return KnownFailure(int(parts[1]), int(parts[2]), parts[3])
