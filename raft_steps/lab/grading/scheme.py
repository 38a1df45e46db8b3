"""The scheme of points, which both graders use: how much each part counts, and each check within a part.

The course's own scheme is the file `scheme.toml` of this folder. An instructor's file changes some of its values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raft_steps.lab.checks import checks_of
from raft_steps.lab.errors import LabError, NotTextError
from raft_steps.lab.files import read_text

DEFAULT = Path(__file__).parent / "scheme.toml"
PARTS = ("checks", "hidden_checks", "private_runs", "search")
DRAWS_MAX = 20
TABLES = ("points", "weights", "draws", "central")


class SchemeError(LabError):
    """A scheme's file cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The scheme for one step.

    Attributes:
        checks: The points of all the checks that students see.
        hidden_checks: The points of all the hidden checks.
        private_runs: The points if no private run violates anything.
        search: The points if the search finds nothing.
        draws: How often the hidden checks are drawn.
        weights: The weight of each check of the step.
    """

    checks: float
    hidden_checks: float
    private_runs: float
    search: float
    draws: int
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def most(self) -> float:
        """The highest possible sum."""
        return self.checks + self.hidden_checks + self.private_runs + self.search

    def share(self, passed: Iterable[str]) -> float:
        """Return the share of the weights that some checks have, from 0 to 1."""
        names = set(passed)
        return sum(weight for name, weight in self.weights.items() if name in names) / sum(self.weights.values())

    def points_of(self, name: str) -> float:
        """Return the points of a check that students see."""
        return round(self.checks * self.share([name]), 3)

    def as_data(self) -> dict[str, Any]:
        """Return the scheme as data for JSON."""
        numbers = {name: getattr(self, name) for name in (*PARTS, "draws")}
        return numbers | {"weights": dict(self.weights)}


def read_scheme(step: int, path: Path | None = None) -> Scheme:
    """Read the scheme for a step.

    Args:
        step: The step.
        path: An instructor's file; None for the course's own scheme.

    Raises:
        SchemeError: The file is not TOML, or has an unknown name or a value that cannot be a weight.
    """
    tables = _tables(DEFAULT)
    names = [each.name for each in checks_of(step)]
    if path is not None:
        for name, table in _tables(path).items():
            if name not in TABLES:
                raise SchemeError(f"{path} has a table [{name}]; a scheme has {', '.join(TABLES)}")
            if name in ("points", "draws") and (strange := [each for each in table if each not in tables[name]]):
                raise SchemeError(f"{path}: [{name}] has {strange[0]!r}; known are {', '.join(tables[name])}")
            tables[name] |= table
    where = path or DEFAULT
    central = tables["central"].get(str(step), names[0])
    if central not in names:
        raise SchemeError(f"{where}: step {step} has no check {central!r}; it has {', '.join(names)}")
    weights = {
        name: tables["weights"].get(name, tables["weights"]["central"] if name == central else 1) for name in names
    }
    for name, value in (*tables["points"].items(), *weights.items()):
        if type(value) not in (int, float) or not 0 <= value <= 1000:
            raise SchemeError(f"{where}: {name} is {value!r}; it should be a number from 0 to 1000")
    draws = tables["draws"]["checks"]
    if type(draws) is not int or not 1 <= draws <= DRAWS_MAX:
        raise SchemeError(f"{where}: checks of [draws] is {draws!r}; it should be a whole number from 1 to {DRAWS_MAX}")
    points = {name: tables["points"][name] for name in PARTS}
    if not sum(weights.values()) or not sum(points.values()):
        raise SchemeError(f"{where}: nothing counts; some points and some weights should be above 0")
    return Scheme(**points, draws=draws, weights=weights)


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(read_text(path, "a scheme"))
    except OSError as error:
        raise SchemeError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, NotTextError) as error:
        raise SchemeError(f"{path} is not a scheme in TOML: {error}") from error
    if wrong := [name for name, table in tables.items() if not isinstance(table, dict)]:
        raise SchemeError(f"{path}: {wrong[0]} stands outside of a table such as [points]")
    return tables
