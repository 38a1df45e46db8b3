"""Writes what a page needs to run Python: the files of Pyodide, and the course's package.

Pyodide's npm package has the interpreter and the standard library. Its list of packages names hundreds that are not in
it and would be loaded from another host, so the site gets an empty list: the course needs none of them.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

from raft_steps.lab.course.file_list import PACKAGE, course_files
from raft_steps.lab.errors import LabError
from raft_steps.lab.files import read_text, write_text

RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
LOCK = "pyodide-lock.json"
COURSE = "raft_steps.zip"
PLACE = "place.json"  # says where Pyodide is, relative to the folder
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every file in the archive, so that it has the same bytes everywhere


class NoPyodideError(LabError):
    """A folder is not that of Pyodide's npm package."""


def write_python(pyodide: Path, out: Path) -> None:
    """Write Pyodide and the course into a new folder.

    Args:
        pyodide: The folder of Pyodide's npm package.
        out: The new folder.

    Raises:
        NoPyodideError: The folder lacks a file of Pyodide.
        EditionError: A file of the course is missing.
    """
    for name in (*RUNTIME, LOCK, "package.json"):
        if not (pyodide / name).is_file():
            raise NoPyodideError(f"{pyodide} has no {name}, so it is not the folder of Pyodide's npm package")
    out.mkdir(parents=True)
    for name in RUNTIME:
        shutil.copyfile(pyodide / name, out / name)
    lock = json.loads(read_text(pyodide / LOCK, "JSON")) | {"packages": {}}
    write_text(out / LOCK, json.dumps(lock, sort_keys=True))
    write_text(out / PLACE, json.dumps({"pyodide": "./"}))
    write_text(out / "licence.txt", _licence(pyodide))
    with zipfile.ZipFile(out / COURSE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in course_files():
            archive.writestr(
                zipfile.ZipInfo(f"raft_steps/{name}", EPOCH), (PACKAGE / name).read_bytes(), zipfile.ZIP_DEFLATED
            )


def _licence(pyodide: Path) -> str:
    """Return the licence of Pyodide, and where its sources are: both are asked for by it."""
    package = json.loads(read_text(pyodide / "package.json", "JSON"))
    return (
        f"Pyodide {package['version']} is under the licence {package['license']}, https://www.mozilla.org/MPL/2.0/.\n"
        "Its sources are at https://github.com/pyodide/pyodide.\n"
        "It contains CPython, which is under the PSF licence, https://docs.python.org/3/license.html.\n"
    )
