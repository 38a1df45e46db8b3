"""The student edition: a folder with the notebooks of the course, solutions and reveals taken out.

Nothing that somebody wrote is lost. A file beside the notebooks remembers what was released, so that a later release
can tell an untouched file, which it may replace, from one that has been worked in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from raft_steps.lab.errors import LabError
from raft_steps.lab.notebook_files import Notebook, load, notebooks_of, replace_file, spell, step_of
from raft_steps.lab.student_edition import commands_that_tell, solved_in, spoilers, student_edition

MANIFEST = ".raft-steps-release.json"
README = "README.md"
VERSION = 1
# What Jupyter and Python put beside a notebook by themselves.
LITTER = frozenset({".ipynb_checkpoints", "__pycache__", ".virtual_documents", ".DS_Store", ".gitignore"})


class ReleaseError(LabError):
    """A release cannot be made there, or not of these steps; nothing was written."""


@dataclass(slots=True)
class Release:
    """What came of a release.

    Attributes:
        folder: Where it is.
        written: The files that were written, because they were missing or another version of the course's own.
        kept: The files that somebody has worked in, and that stay as they are.
        outdated: Those of them that the course has changed since.
        removed: The untouched files of an earlier release that this one does not have.
        warnings: What an author should look at, a sentence each.
    """

    folder: Path
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def parse_steps(text: str) -> list[int]:
    """Read which steps are meant: ``5-8``, ``6``, ``0,5-8``.

    Raises:
        ReleaseError: It cannot be read.
    """
    steps: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) < int(first):
            raise ReleaseError(f"{text!r} cannot be read; steps are written as 6, as 5-8 or as 1,5-8")
        steps |= set(range(int(first), int(last or first) + 1))
    return sorted(steps)


def release(notebooks: Path, out: Path, steps: Collection[int] | None = None, *, force: bool = False) -> Release:
    """Make the student edition in an empty folder, or renew an earlier one that nobody has worked in.

    Args:
        notebooks: The folder of the course's notebooks.
        out: The folder to make it in.
        steps: The numbers of the steps; all notebooks by default. Notebook 00, which explains the words that all others
            use, is always there.
        force: Write even where somebody has worked; the files of the release are then overwritten, others stay.

    Raises:
        ReleaseError: There is something in the folder that would be lost, or there is no notebook of a step.
        NotebookError: A notebook cannot be read, or its solutions are not marked as they should be.
    """
    _refuse_place(notebooks, out)
    result = Release(out)
    files = _student_files(notebooks, steps, result)
    remembered = _remembered(out)
    if not force and (precious := _worked_in(out, remembered)):
        raise ReleaseError(
            f"{out} holds {precious[0]}{f' and {len(precious) - 1} more' if precious[1:] else ''}, which would be lost or "
            "mixed up; choose an empty folder, or overwrite with --force"
        )
    for name, text in files.items():
        _write(out, name, text, result)
    for name in sorted(remembered.keys() - files.keys()):
        if _digest_of_file(out / name) == remembered[name]:
            (out / name).unlink()
            result.removed.append(name)
    _remember(out, {name: _digest(text) for name, text in files.items()})
    return result


def bring_up_to_date(notebooks: Path, out: Path) -> Release:
    """Make or renew somebody's own student edition: what they have worked in stays, all else is as in the course.

    Raises:
        ReleaseError: The folder cannot be one.
        NotebookError: A notebook cannot be read, or its solutions are not marked as they should be.
    """
    _refuse_place(notebooks, out)
    result = Release(out)
    remembered = dict(_remembered(out))
    for name, text in _student_files(notebooks, None, result).items():
        found, origin = _digest_of_file(out / name), remembered.get(name)
        if found in (None, origin, _digest(text)):
            _write(out, name, text, result)
            remembered[name] = _digest(text)
        else:
            result.kept.append(name)
            if origin != _digest(text):
                result.outdated.append(name)
    _remember(out, remembered)
    return result


def is_release(folder: Path) -> bool:
    """Tell whether a folder holds a student edition."""
    return (folder / MANIFEST).is_file()


# What is released.


def _student_files(notebooks: Path, steps: Collection[int] | None, result: Release) -> dict[str, str]:
    """Give the files of a release, by name: all of them are made before the first is written."""
    course = notebooks_of(notebooks)
    paths = _chosen(course, steps)
    solved = solved_in({path.name: load(path) for path in course})
    names = {path.name for path in paths} | {README}
    files = {}
    titles = {}
    for path in paths:
        notebook = load(path)
        result.warnings += [
            f"{path.name}, cell {cell}: it seems to show the solution; tag it reveal" for cell in spoilers(notebook)
        ]
        student_edition(notebook, path.name, names, solved)
        result.warnings += [
            f"{path.name}, cell {cell.id}: it prints a solution that is still to be found; tag it reveal"
            for cell in notebook.cells
            if commands_that_tell(cell.source, path.name, solved)
        ]
        titles[path.name] = _title(notebook)
        files[path.name] = spell(notebook)
    return files | {README: _readme(titles, min(filter(None, map(step_of, titles)), default=0))}


def _chosen(paths: list[Path], steps: Collection[int] | None) -> list[Path]:
    numbers = {path: step_of(path.name) for path in paths}
    if not numbers:
        raise ReleaseError("there are no notebooks to release")
    known = sorted(set(numbers.values()))
    for step in steps if steps is not None else known:
        if step not in known:
            raise ReleaseError(f"there is no notebook of step {step}; there are {', '.join(map(str, known))}")
    return [path for path in paths if steps is None or numbers[path] in {0, *steps}]


def _title(notebook: Notebook) -> str:
    """Give the title of a notebook: its first heading."""
    lines = (line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), "")


def _readme(titles: Mapping[str, str], first: int) -> str:
    """Write the page that a student reads first; `first` is the first step that they write themselves."""
    before = (
        f"- `raft-steps show {first - 1} --whole` shows the whole node that step {first} builds on.\n"
        if first > 1
        else ""
    )
    rows = "\n".join(f"| [{name}]({name}) | {title.replace('|', ' ')} |" for name, title in titles.items())
    return f"""# Raft, step by step

These notebooks are yours to write in.
Each has a section *Your turn*, where a cell says what to write.
The cell below it checks what you wrote, and says what is missing.

| notebook | what it is about |
| --- | --- |
{rows}

## To begin

In this folder, and in the environment that the course is installed in:

    raft-steps lab

Then run a notebook's cells from the top, in order.

## Good to know

- `raft-steps check {first} --node my_raft.py:Node` checks a class that you keep in a file of your own.
{before}- `raft-steps lab` never overwrites what you have changed.
  To begin a notebook anew, copy it again from what you were given.
"""


# Where it is released.


def _refuse_place(notebooks: Path, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ReleaseError(f"{out} is a file; a release needs a folder")
    if out.resolve() == notebooks.resolve():
        raise ReleaseError(f"{out} holds the course itself; a release there would overwrite its solutions")


def _worked_in(out: Path, remembered: Mapping[str, str]) -> list[str]:
    """List the files that are not just as an earlier release left them."""
    found = (path.relative_to(out) for path in sorted(out.rglob("*")) if path.is_file())
    names = [path.as_posix() for path in found if not LITTER & set(path.parts) and path.name != MANIFEST]
    return [name for name in names if remembered.get(name) != _digest_of_file(out / name)]


def _remembered(out: Path) -> dict[str, str]:
    """Give the digest of every file as it was released; nothing where there was no release."""
    try:
        data = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        return {name: str(digest) for name, digest in data["files"].items() if Path(name).name == name}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _remember(out: Path, digests: Mapping[str, str]) -> None:
    text = json.dumps({"version": VERSION, "files": dict(sorted(digests.items()))}, indent=1)
    replace_file(out / MANIFEST, text + "\n")


def _write(out: Path, name: str, text: str, result: Release) -> None:
    if _digest_of_file(out / name) == _digest(text):
        return
    out.mkdir(parents=True, exist_ok=True)
    replace_file(out / name, text)
    result.written.append(name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_of_file(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
