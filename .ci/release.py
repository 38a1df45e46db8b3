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
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
VERSION_FILE = ROOT / "raft_steps" / "__init__.py"
CHANGELOG = ROOT / "CHANGELOG.md"
VERSION_LINE = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
UNRELEASED = "## Unreleased\n"

# What an installed package must be able to do without a checkout around it: the command, a run, a check, a picture.
COMMANDS = (
    ("steps",),
    ("check", "6"),
    ("run", "8", "--seconds", "30"),
    ("ten-steps", "8", "--seeds", "2"),
    ("sweep", "12", "--seeds", "20"),
    ("show", "6", "--whole"),
)
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
    packages = sorted(DIST.iterdir(), key=lambda path: path.suffix, reverse=True)  # the wheel first: .whl, .gz
    print("Built", " and ".join(path.name for path in packages))
    return packages


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
        for words in COMMANDS:
            run([str(binaries / "raft-steps"), *words], cwd=empty)
        run([str(binaries / "python"), "-c", PICTURE], cwd=empty)
    print(f"{package.name} works in an environment of its own")


def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command, and end with its output if it fails."""
    # Neither the checkout nor this environment may help: the package has to work alone.
    alone = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=alone, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


if __name__ == "__main__":
    main()
