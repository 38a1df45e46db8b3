"""Python in a page: what the site ships for it, and the course in Pyodide, as in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from raft_steps import STEPS
from raft_steps.lab.course.file_list import course_files
from raft_steps.lab.course.site.page_python import COURSE, LOCK, RUNTIME, NoPyodideError, write_python

ROOT = Path(__file__).parents[3]
PYODIDE = ROOT / "build" / "npm" / "node_modules" / "pyodide"
NODE = shutil.which("node")


@pytest.fixture
def pyodide(tmp_path: Path) -> Path:
    """Make a folder like that of the npm package."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    for name in RUNTIME:
        (folder / name).write_text(name, encoding="utf-8")
    (folder / LOCK).write_text('{"info": {"python": "3.14"}, "packages": {"numpy": {"file_name": "numpy.whl"}}}')
    (folder / "package.json").write_text('{"version": "314.0.6", "license": "MPL-2.0"}')
    return folder


def test_site_ships_the_course_and_nothing_that_is_not_part_of_it(pyodide: Path, tmp_path: Path) -> None:
    """The archive has the files of the course, with the same bytes whenever it is made."""
    write_python(pyodide, tmp_path / "one")
    write_python(pyodide, tmp_path / "two")
    with zipfile.ZipFile(tmp_path / "one" / COURSE) as archive:
        names = archive.namelist()

    assert [f"raft_steps/{name}" for name in course_files()] == names
    assert (tmp_path / "one" / COURSE).read_bytes() == (tmp_path / "two" / COURSE).read_bytes()


def test_no_package_is_named_that_the_site_does_not_have(pyodide: Path, tmp_path: Path) -> None:
    """Pyodide would load it from another host."""
    write_python(pyodide, tmp_path / "out")

    assert {"info": {"python": "3.14"}, "packages": {}} == json.loads((tmp_path / "out" / LOCK).read_text())
    assert "Pyodide 314.0.6 is under the licence MPL-2.0" in (tmp_path / "out" / "licence.txt").read_text()


@pytest.mark.parametrize("name", [*RUNTIME, LOCK, "package.json"])
def test_other_folder_is_refused(pyodide: Path, tmp_path: Path, name: str) -> None:
    """The error names the file that is missing, and nothing is written."""
    (pyodide / name).unlink()

    with pytest.raises(NoPyodideError, match=f"has no {name}, so it is not the folder of Pyodide's npm package"):
        write_python(pyodide, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(NODE is None or not PYODIDE.is_dir(), reason="NO PYODIDE: make pyodide installs it, with npm")
def test_course_works_in_pyodide(tmp_path: Path) -> None:
    """Each step's Node passes its checks, the Node of the step before fails them, and an endless loop is named."""
    write_python(PYODIDE, tmp_path / "python")
    script = Path(__file__).parent / "in_pyodide.mjs"
    assert NODE is not None
    done = subprocess.run(
        [NODE, str(script), str(tmp_path / "python"), str(len(STEPS))],
        capture_output=True, text=True, encoding="utf-8", check=False, timeout=300,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr[-2000:]
    found = json.loads(done.stdout)

    assert {str(step.number): [True, False] for step in STEPS} == found["steps"]
    assert "did not come back within a second: an endless loop?" in found["loop"]
    assert re.search(r"your cell, line [56]\b", found["loop"])
    assert [["opened", 1], ["message", 1]] == found["session"]
