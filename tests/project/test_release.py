"""The release script: what it changes for a new version, and what it refuses. Building is tried by `make package`."""

import datetime as dt
import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
TODAY = dt.date(2027, 1, 31)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script as a module, for a small project with one commit."""
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, text in (
        ("raft_steps/__init__.py", '"""A package."""\n\n__version__ = "0.3.0"\n'),
        ("CHANGELOG.md", "# Changes\n\n## Unreleased\n\n- New.\n\n## 0.3.0 (2026-11-23)\n\n- Old.\n"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for command in ("init --quiet", "add --all", "-c user.name=a -c user.email=a@b.c commit --quiet --message all"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VERSION_FILE", tmp_path / "raft_steps" / "__init__.py")
    monkeypatch.setattr(module, "CHANGELOG", tmp_path / "CHANGELOG.md")
    return module


def test_version_is_set_and_changes_are_dated(release: ModuleType) -> None:
    """A new version is written in one place, and the unreleased changes get its number and the date."""
    release.prepare("0.4.0", TODAY)

    assert '__version__ = "0.4.0"' in release.VERSION_FILE.read_text(encoding="utf-8")
    assert "## 0.4.0 (2027-01-31)\n\n- New." in release.CHANGELOG.read_text(encoding="utf-8")
    assert "Unreleased" not in release.CHANGELOG.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "version,complaint",
    [
        ("0.4", "is not a version; write three numbers"),
        ("v0.4.0", "is not a version"),
        ("0.3.0", "0.3.0 is not newer than 0.3.0"),
        ("0.2.9", "is not newer than 0.3.0"),
    ],
)
def test_bad_version_is_refused(release: ModuleType, version: str, complaint: str) -> None:
    """A version that is none, or not a newer one, changes nothing."""
    with pytest.raises(SystemExit, match=complaint):
        release.prepare(version, TODAY)

    assert '__version__ = "0.3.0"' in release.VERSION_FILE.read_text(encoding="utf-8")


def test_ten_is_newer_than_nine(release: ModuleType) -> None:
    """Versions are compared as numbers, not as text."""
    release.prepare("0.10.0", TODAY)

    assert '__version__ = "0.10.0"' in release.VERSION_FILE.read_text(encoding="utf-8")


def test_uncommitted_changes_are_refused(release: ModuleType) -> None:
    """What is not committed would be missing from the release, or would slip into it."""
    (release.ROOT / "new.txt").write_text("new", encoding="utf-8")

    with pytest.raises(SystemExit, match=r"not committed(.|\n)*new\.txt"):
        release.prepare("0.4.0", TODAY)


def test_nothing_to_release_is_refused(release: ModuleType) -> None:
    """Without unreleased changes there is nothing that a reader would notice."""
    release.prepare("0.4.0", TODAY)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--all", "--message", "release"],
        cwd=release.ROOT,
        check=True,
    )

    with pytest.raises(SystemExit, match="no section '## Unreleased'"):
        release.prepare("0.5.0", TODAY)


def test_failing_command_is_shown(release: ModuleType, tmp_path: Path) -> None:
    """A command that fails ends the release with its own words."""
    with pytest.raises(SystemExit, match=r"failed with status 128(.|\n)*not a git"):
        release.run(["git", "-C", "/", "status"], cwd=tmp_path)
