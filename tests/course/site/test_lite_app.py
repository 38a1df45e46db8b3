"""JupyterLite in the site: its list of packages names the wheels that the site has, and nothing else."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from raft_steps.lab.course.site.lite_app import (
    KERNEL,
    STAND_INS,
    LiteError,
    share_python,
    write_distribution,
    write_lite,
)
from raft_steps.lab.course.site.page_python import LOCK, PLACE, RUNTIME

WANTED = ("anywidget", "comm", "ipython", "ipywidgets", "jedi", "micropip", "packaging", "raft_steps")


@pytest.fixture
def pyodide(tmp_path: Path) -> Path:
    """Make a folder like that of the npm package."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    for name in RUNTIME:
        (folder / name).write_text(name, encoding="utf-8")
    (folder / LOCK).write_text('{"info": {"python": "3.14"}, "packages": {"numpy": {"file_name": "numpy.whl"}}}')
    return folder


def wheel(folder: Path, name: str, *requirements: str, version: str = "1.0") -> Path:
    """Make a wheel that needs others."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requirements)]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")
    return path


def test_list_names_the_wheels_with_their_needs(pyodide: Path, tmp_path: Path) -> None:
    """What a wheel needs is named only if the site has it; an extra's needs are not."""
    one = wheel(tmp_path / "wheels", "one", "Two_x>=1", "numpy", 'three; extra == "all"')
    wheels = [one, wheel(tmp_path / "wheels", "two_x"), wheel(tmp_path / "wheels", "three")]
    write_distribution(pyodide, wheels, tmp_path / "out")
    lock = json.loads((tmp_path / "out" / LOCK).read_text(encoding="utf-8"))

    assert ["one", "three", "two-x"] == sorted(lock["packages"])
    assert ["two-x"] == lock["packages"]["one"]["depends"]
    assert ["one"] == lock["packages"]["one"]["imports"]
    assert hashlib.sha256(one.read_bytes()).hexdigest() == lock["packages"]["one"]["sha256"]
    assert {*RUNTIME, LOCK, *(each.name for each in wheels)} == {path.name for path in (tmp_path / "out").iterdir()}


def program_in(folder: Path, script: str) -> Path:
    """Make an environment with the stand-ins of the kernel, and with a program jupyter."""
    for name in STAND_INS:
        package, _, version = name.partition("-")
        wheel(folder / KERNEL, package, version=f"{version or 1}.0")
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    program = folder / "bin" / "jupyter"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_missing_wheel_is_named(pyodide: Path, tmp_path: Path) -> None:
    """Nothing is loaded from elsewhere instead."""
    for name in WANTED[1:]:
        wheel(tmp_path / "wheels", name)
    (tmp_path / "work").mkdir()
    program = program_in(tmp_path / "environment", "exit 0")

    with pytest.raises(LiteError, match="has no wheel of anywidget; make site puts it there"):
        write_lite(
            [], tmp_path / "out", tmp_path / "work", program=program, wheels=tmp_path / "wheels", pyodide=pyodide
        )


@pytest.mark.parametrize("status", [0, 3])
def test_what_jupyterlite_prints_is_told_if_it_fails(pyodide: Path, tmp_path: Path, status: int) -> None:
    """It gets the notebooks, the settings, and Pyodide where its kernel looks for it."""
    for name in (*WANTED, "pexpect"):
        wheel(tmp_path / "wheels", name)
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "06_x.ipynb").write_text("{}", encoding="utf-8")
    program = program_in(tmp_path / "environment", f"ls files *.json; echo no such app >&2; exit {status}")
    given = {"program": program, "wheels": tmp_path / "wheels", "pyodide": pyodide}
    if status:
        with pytest.raises(LiteError, match=r"(?s)cannot be made:.*06_x.ipynb.*no such app"):
            write_lite([tmp_path / "06_x.ipynb"], tmp_path / "out", work, **given)
    else:
        write_lite([tmp_path / "06_x.ipynb"], tmp_path / "out", work, **given)
    names = {path.name for path in (work / "static" / "pyodide").iterdir()}

    assert "widgetsnbextension-4.0-py3-none-any.whl" in names
    assert "pexpect-1.0-py3-none-any.whl" not in names


def test_pages_use_the_copy_of_jupyterlite(pyodide: Path, tmp_path: Path) -> None:
    """The site has each file of Pyodide once."""
    pages, lite = tmp_path / "_static" / "python", tmp_path / "lite"
    write_distribution(pyodide, [], pages)
    write_distribution(pyodide, [], lite / "static" / "pyodide")
    share_python(pages, lite)
    place = json.loads((pages / PLACE).read_text(encoding="utf-8"))["pyodide"]

    assert [PLACE] == [path.name for path in pages.iterdir()]
    assert (lite / "static" / "pyodide").resolve() == (pages / place).resolve()
