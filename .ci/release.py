"""Build the wheel and the source distribution, try each in an environment of its own, and prepare a release.

    make package                  build both into dist/ and try them
    make release VERSION=0.4.0    the same for a new version: first set the version and date the changes in CHANGELOG.md

A release changes two files and builds two; it commits, tags and uploads nothing. What is left to do is printed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
VERSION_FILE = ROOT / "raft_steps" / "__init__.py"
CHANGELOG = ROOT / "CHANGELOG.md"
VERSION_LINE = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
UNRELEASED = "## Unreleased\n"

# What an installed package must be able to do in an empty folder, without a checkout around it: every command, in this
# order. The first three find the notebooks in the package, and `lab` copies them to where the next ones find them.
BEFORE_LAB: tuple[tuple[str, ...], ...] = (
    ("steps",),
    ("release", "before/handouts", "--steps", "6"),
    ("refresh", "--check", "{package}/notebooks/00_start_here.ipynb"),
)
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("refresh", "--check", "notebooks/00_start_here.ipynb"),
    ("release", "handouts", "--steps", "6"),
    ("release", "flat", "--steps", "5-6", "--flat"),
    ("release", "course", "--steps", "6", "--nbgrader", "--private-seeds", "some secret words"),
    ("show", "6", "--whole"),
    ("diff", "5", "6"),
    ("check", "6"),
    ("run", "8", "--scenario", "at 9 set x 1; at 12 get x", "--trace", "run.jsonl", "--svg", "run.svg"),
    ("replay", "run.jsonl"),
    ("linearizable", "run.jsonl"),
    ("ten-steps", "8", "--seeds", "2"),
    ("sweep", "12", "--seeds", "5", "--workers", "1"),
    ("search", "8", "--goal", "leader term 1"),
    ("schedule", "two_leaders_of_four"),
    ("catalogue", "12", "--only", "ReElection"),
    ("course-map",),
    ("budgets", "12"),
    ("grade", "handouts/step_06/06_term_checks.ipynb", "--step", "6", "--seeds", "1"),
)
LAB_LIMIT_S = 120  # until JupyterLab can be opened
PICTURE = (
    "from raft_steps.lab import Cluster; cluster = Cluster(8, seed=1).run(30);"
    " assert '<svg' in cluster.timeline().svg; assert cluster.play() is not None"
)


def main() -> None:
    """Run the command line: `--version` prepares a release, without it the present version is built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--version", help="the version to release, such as 0.4.0; as it is now by default")
    new = parser.parse_args().version
    if new is not None:
        prepare(new, dt.datetime.now(tz=dt.UTC).date())
    for package in build():
        try_package(package)
    if new is not None:
        print(f"\nReady. What is left, after a look at `git diff`:\n  git commit -am 'Release {new}'\n  git tag v{new}")
        print("  git push --follow-tags, and upload the two files of dist/")


def prepare(version: str, today: dt.date) -> None:
    """Set the version and date the unreleased changes; refuse where something would be lost or skipped."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        sys.exit(f"release: {version!r} is not a version; write three numbers, such as 0.4.0")
    changed = run(["git", "status", "--porcelain"], cwd=ROOT).stdout
    if changed:
        sys.exit(f"release: there are changes that are not committed; commit or discard them first\n{changed}")
    changes = CHANGELOG.read_text(encoding="utf-8")
    if UNRELEASED not in changes:
        sys.exit(f"release: CHANGELOG.md has no section '{UNRELEASED.strip()}', so there is nothing to release")
    text = VERSION_FILE.read_text(encoding="utf-8")
    found = VERSION_LINE.search(text)
    if found is None:
        sys.exit(f'release: {VERSION_FILE.name} has no line __version__ = "…"')
    if as_numbers(version) <= as_numbers(found[1]):
        sys.exit(f"release: {version} is not newer than {found[1]}, the version now")
    VERSION_FILE.write_text(VERSION_LINE.sub(f'__version__ = "{version}"', text), encoding="utf-8")
    CHANGELOG.write_text(changes.replace(UNRELEASED, f"## {version} ({today})\n", 1), encoding="utf-8")


def as_numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers, which compare as versions do."""
    return tuple(int(part) for part in version.split("."))


def build() -> list[Path]:
    """Build the wheel and the source distribution into an empty dist/, and return both."""
    shutil.rmtree(DIST, ignore_errors=True)
    run([sys.executable, "-m", "hatchling", "build", "--directory", str(DIST)], cwd=ROOT)
    check_wheel(next(DIST.glob("*.whl")))
    packages = sorted(DIST.iterdir(), key=lambda path: path.suffix, reverse=True)  # the wheel first: .whl, .gz
    print("Built", " and ".join(path.name for path in packages))
    return packages


def check_wheel(wheel: Path) -> None:
    """Check that a wheel holds exactly what git tracks of the package and the notebooks.

    Raises:
        SystemExit: A file is missing, or there is one that git does not track, such as an editor's backup.
    """
    tracked = run(["git", "ls-files", "raft_steps", "notebooks"], cwd=ROOT).stdout.split()
    expected = {re.sub(r"^notebooks/", "raft_steps/notebooks/", name) for name in tracked}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    if wrong := sorted(held ^ expected):
        sys.exit(f"release: the wheel and git differ: {', '.join(wrong)}; remove or commit these files first")


def try_package(package: Path) -> None:
    """Install a package into a new environment, and use it in an empty folder.

    Raises:
        SystemExit: A command fails; its output is printed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "env", with_pip=True)
        binaries = folder / "env" / "bin"
        empty = folder / "empty"
        empty.mkdir()
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        pip = [str(binaries / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, *constraints, str(package)], cwd=empty)
        use_package(binaries, empty)
        run([str(binaries / "raft-steps"), "refresh", "--check"], cwd=empty)
    print(f"{package.name} works in an environment of its own")


def use_package(binaries: Path, empty: Path, **variables: str) -> None:
    """Use an installed package in an empty folder: every command, JupyterLab, a picture and the player.

    Args:
        binaries: The folder with the environment's commands.
        empty: The folder.
        variables: Further variables of the environment.

    Raises:
        SystemExit: A command fails, or does not do what it should; its output is printed.
    """
    command, python = str(binaries / "raft-steps"), str(binaries / "python")
    package = run([python, "-c", "import raft_steps; print(raft_steps.__path__[0])"], empty, **variables).stdout.strip()
    if Path(package).is_relative_to(ROOT):
        sys.exit(f"the package is not the installed one, but {package}")
    for words in BEFORE_LAB:
        run([command, *(word.format(package=package) for word in words)], empty, **variables)
    open_lab(command, empty, **variables)
    original = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}
    copied = {path.name: path.read_bytes() for path in (empty / "notebooks").glob("*.ipynb")}
    own = {path.name for path in (empty / "my_course").glob("*.ipynb")}
    if not (original == copied and original.keys() == own):
        sys.exit("raft-steps lab did not copy the notebooks to notebooks/ and my_course/")
    for words in COMMANDS:
        run([command, *words], empty, **variables)
    run([python, "-c", PICTURE], empty, **variables)


def open_lab(command: str, folder: Path, **variables: str) -> None:
    """Start ``raft-steps lab`` in a folder, open each page that it prints, and end it.

    Raises:
        SystemExit: It does not print the addresses of two pages, or one of them cannot be opened.
    """
    words = [command, "lab", "--no-browser"]
    output = folder.parent / "lab.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(words, cwd=folder, env=alone(**variables), stdout=file, stderr=subprocess.STDOUT)
    try:
        addresses: list[str] = []
        for _ in range(LAB_LIMIT_S * 10):
            addresses = re.findall(r"http://\S+", output.read_text(encoding="utf-8"))
            if len(addresses) == 2 or process.poll() is not None:
                break
            time.sleep(0.1)
        if len(addresses) != 2:
            sys.exit(f"raft-steps lab did not start\n{output.read_text(encoding='utf-8')}")
        for address in addresses:
            with urllib.request.urlopen(address, timeout=60) as page:  # noqa: S310  # it is our own
                if page.status != 200:
                    sys.exit(f"{address} cannot be opened: {page.status}")
    finally:
        process.terminate()
        process.wait()


def alone(**variables: str) -> dict[str, str]:
    """Return an environment in which neither the checkout nor this environment helps a package to work."""
    mine = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in mine} | variables


def run(command: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command, and end with its output if it fails."""
    done = subprocess.run(command, cwd=cwd, env=alone(**variables), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


if __name__ == "__main__":
    main()
