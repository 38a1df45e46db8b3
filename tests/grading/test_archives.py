"""Zip files of students: what is unpacked, and what is refused."""

import io
import os
import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from raft_steps.lab.grading import archives
from raft_steps.lab.grading.archives import ArchiveError, unpack

WANTED = (".py", ".ipynb", ".zip")


def zipped(files: Mapping[str, bytes | str], **how: int) -> bytes:
    """Return a zip file; the permissions of an entry may be given by its name's place."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = how.get("mode", stat.S_IFREG | 0o644) << 16
            made.writestr(entry, content)
    return out.getvalue()


def unpacked(tmp_path: Path, content: bytes, bytes_max: int = archives.ALL_BYTES_MAX) -> tuple[list[str], list[str]]:
    """Return the files that are unpacked and the names that are left out."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "x.zip").write_bytes(content)
    odd = unpack(tmp_path / "x.zip", tmp_path / "deep" / "out", WANTED, bytes_max)
    folder = tmp_path / "deep" / "out"
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert ["x.zip"] == [each for each in written if not each.startswith("deep/out/")]
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()), odd


def test_only_wanted_files_are_unpacked(tmp_path: Path) -> None:
    """Folders are kept; other kinds of files and those of tools are not written."""
    files: dict[str, bytes | str] = {
        "a/mine.py": "x", "a/b/Ü.ipynb": "{}", "a/movie.mp4": "x", "__MACOSX/a/._mine.py": "x", ".git/hook.py": "x",
        "__pycache__/m.py": "x",
    }  # fmt: skip
    found, odd = unpacked(tmp_path, zipped(files))

    assert (["a/b/Ü.ipynb", "a/mine.py"], []) == (found, odd)


def test_equal_names_are_kept_apart(tmp_path: Path) -> None:
    """It can be seen that there are two."""
    twice = zipped({"a.py": "one", "b.py": "two"}).replace(b"b.py", b"a.py")

    assert ["a (2).py", "a.py"] == unpacked(tmp_path, twice)[0]


@pytest.mark.parametrize(
    "name", ["../up.py", "a/../../up.py", "/etc/cron.py", "C:/x.py", "..\\up.py", "x" * 300 + ".py"]
)
def test_no_name_leads_outside(tmp_path: Path, name: str) -> None:
    """What would be written elsewhere is left out, and the rest is unpacked."""
    found, odd = unpacked(tmp_path, zipped({name: "x", "mine.py": "x"}))

    assert ["mine.py"] == found
    assert 1 == len(odd)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_left_out(tmp_path: Path, kind: int) -> None:
    """Only regular files are written."""
    found, odd = unpacked(tmp_path, zipped({"link.py": "/etc/passwd"}, mode=kind | 0o777))

    assert ([], ["link.py"]) == (found, odd)
    assert not any(os.path.islink(each) for each in tmp_path.rglob("*"))  # noqa: PTH114  # Also of a broken link.


def test_bombs_are_refused(tmp_path: Path) -> None:
    """The bytes count that come out, whatever the header says, and so do entries."""
    zeros = bytes(3 * 2**20)
    with pytest.raises(ArchiveError, match="more than 2 MiB"):
        unpacked(tmp_path, zipped({"a.py": zeros}), 2 * 2**20)
    lying = zipped({"a.py": zeros}).replace(struct.pack("<L", len(zeros)), struct.pack("<L", 10))
    with pytest.raises(ArchiveError):
        unpacked(tmp_path / "lying", lying, 2 * 2**20)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.py")) < len(zeros)


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any of them is written."""
    monkeypatch.setattr(archives, "ENTRIES_MAX", 3)
    with pytest.raises(ArchiveError, match="4 entries; the limit is 3"):
        unpacked(tmp_path, zipped({f"{n}.py": "x" for n in range(4)}))
    assert [] == list(tmp_path.rglob("*.py"))


def test_encrypted_and_damaged_files_are_refused(tmp_path: Path) -> None:
    """The error says which it is."""
    plain = zipped({"a.py": "x" * 100})
    locked = plain.replace(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x01\x00")
    locked = locked.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00")
    for content, error in ((locked, "is encrypted"), (plain[:40], "damaged"), (b"", "damaged"), (b"text", "damaged")):
        with pytest.raises(ArchiveError, match=error):
            unpacked(tmp_path, content)
    broken = bytearray(plain)
    broken[40] ^= 0xFF
    with pytest.raises(ArchiveError, match="damaged"):
        unpacked(tmp_path, bytes(broken))
