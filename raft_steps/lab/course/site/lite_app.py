"""Adds JupyterLite to the site: JupyterLab, and Notebook for phones, with Python in the browser and the course's notebooks.

Python there is the same Pyodide as that of the book's pages. Its list of packages names hundreds of wheels on another
host; here it names the wheels that the course needs, which are part of the site, so nothing is loaded from elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterable
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from raft_steps.lab.course.site.page_python import LOCK, PLACE, RUNTIME
from raft_steps.lab.errors import LabError
from raft_steps.lab.files import read_text, write_text

SETTINGS = Path(__file__).parent / "lite"
APP = "lite"  # the folder of the site that holds JupyterLite
PYTHON = Path("static") / "pyodide"  # where its kernel looks for Pyodide
KERNEL = Path("share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension/static/pypi")
# What wheels ask for, but nothing in a browser uses. The JavaScript of jupyterlab-widgets is an extension of the site.
LEFT_OUT = frozenset({"jupyterlab-widgets", "pexpect", "ptyprocess"})
# The kernel brings stand-ins for these, which are smaller.
STAND_INS = ("ipykernel", "piplite", "pyodide_kernel", "widgetsnbextension-4")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class LiteError(LabError):
    """JupyterLite cannot be made; the message says what is missing, or what it printed."""


def write_lite(notebooks: Iterable[Path], out: Path, work: Path, *, program: Path, wheels: Path, pyodide: Path) -> None:
    """Write JupyterLite with the course's notebooks.

    Args:
        notebooks: The notebooks.
        out: The new folder.
        work: An empty folder for what is made on the way.
        program: The program jupyter, of an environment with the extra `site`.
        wheels: The folder with the wheels of the course and of what it needs.
        pyodide: The folder of Pyodide's npm package.

    Raises:
        LiteError: A wheel is missing, or JupyterLite cannot be made.
    """
    for name in ("jupyter-lite.json", "jupyter_lite_config.json"):
        shutil.copyfile(SETTINGS / name, work / name)
    (work / "files").mkdir()
    for path in notebooks:
        shutil.copyfile(path, work / "files" / path.name)
    write_distribution(pyodide, _chosen_wheels(wheels, program.parent.parent / KERNEL), work / PYTHON)
    command = [str(program), "lite", "build", "--config", "jupyter_lite_config.json", "--output-dir", str(out)]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise LiteError("JupyterLite cannot be made:\n" + "\n".join(lines[-20:]))


def share_python(pages: Path, lite: Path) -> None:
    """Let the book's pages use JupyterLite's copy of Pyodide instead of their own.

    Args:
        pages: The folder that `write_python` wrote.
        lite: The folder of JupyterLite.
    """
    for name in (*RUNTIME, LOCK):
        (pages / name).unlink()
    write_text(pages / PLACE, json.dumps({"pyodide": f"../../{APP}/{PYTHON.as_posix()}/"}))
    assert (lite / PYTHON / LOCK).is_file()


def write_distribution(pyodide: Path, wheels: Iterable[Path], out: Path) -> None:
    """Write Pyodide and some wheels into a new folder, with a list of packages that names these wheels only.

    Args:
        pyodide: The folder of Pyodide's npm package.
        wheels: The wheels.
        out: The folder.
    """
    out.mkdir(parents=True)
    for name in RUNTIME:
        shutil.copyfile(pyodide / name, out / name)
    chosen = {_canonical(wheel.name.split("-")[0]): wheel for wheel in wheels}
    lock = json.loads(read_text(pyodide / LOCK, "JSON"))
    lock["packages"] = {name: _package(wheel, chosen) for name, wheel in sorted(chosen.items())}
    for wheel in chosen.values():
        shutil.copyfile(wheel, out / wheel.name)
    write_text(out / LOCK, json.dumps(lock, indent=1, sort_keys=True))


def _chosen_wheels(wheels: Path, stand_ins: Path) -> list[Path]:
    """Return the wheels that the site ships: those of the folder that a browser needs, and the kernel's stand-ins.

    Raises:
        LiteError: One is missing.
    """
    found = {_canonical(path.name.split("-")[0]): path for path in sorted(wheels.glob("*.whl"))}
    wanted = ["raft-steps"]
    wanted += [
        line.split("==")[0] for line in read_text(SETTINGS / "wheels.txt", "a list").splitlines() if "==" in line
    ]
    if missing := [name for name in wanted if name not in found]:
        raise LiteError(f"{wheels} has no wheel of {missing[0]}; make site puts it there")
    for name in STAND_INS:
        paths = sorted(stand_ins.glob(f"{name}*.whl"))
        if not paths:
            raise LiteError(f"{stand_ins} has no wheel of {name}; install the extra site of raft-steps there")
        found[_canonical(name.split("-")[0])] = paths[-1]
    return [path for name, path in found.items() if name not in LEFT_OUT]


def _canonical(name: str) -> str:
    """Return the name of a package as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _package(wheel: Path, known: Iterable[str]) -> dict[str, Any]:
    """Return the entry of a wheel in the list of packages."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        path = next(name for name in names if name.endswith(".dist-info/METADATA"))
        head = BytesParser().parsebytes(archive.read(path))
    tops = {name.split("/")[0].removesuffix(".py") for name in names if not re.search(r"\.(?:dist-info|data)/", name)}
    return {
        "name": head["Name"],
        "version": head["Version"],
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(filter(str.isidentifier, tops)),
        "depends": sorted(set(_requirements(head.get_all("Requires-Dist") or [])) & set(known)),
        "unvendored_tests": False,
    }


def _requirements(lines: Iterable[str]) -> Iterable[str]:
    """Yield the names of the packages that a wheel needs without its extras."""
    for line in lines:
        requirement, _, condition = line.partition(";")
        name = _NAME.match(requirement.strip())
        if name is not None and "extra" not in condition:
            yield _canonical(name[0])
