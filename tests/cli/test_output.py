"""The output of the commands: what is printed where the encoding lacks a sign, and what a failed write becomes."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest

from raft_steps.lab.cli.common import echo_json
from raft_steps.lab.cli.output import ClosedInput, Output, OutputError, adapted_streams, fit


@pytest.mark.parametrize(
    "text, encoding, expected",
    [
        ("2 → 3 …", "ascii", "2 -> 3 ..."),
        ("2 → 3 …", "cp1252", "2 -> 3 …"),
        ("2 → 3 ·", "latin-1", "2 -> 3 ·"),
        ("2 → 3 …", "utf-8", "2 → 3 …"),
        ("┌──┬─┐│█", "ascii", "+--+-+|#"),
        ("┌──┬─┐│█", "cp437", "┌──┬─┐│█"),
        ("Größe, Ærø, Łódź, naïve", "ascii", "Grosse, AEro, Lodz, naive"),
        ("Größe", "latin-1", "Größe"),
        ("漢", "ascii", "?"),
        ("a\udcfcb", "utf-8", "a\\xfcb"),
        ("a\ud800b", "utf-8", "a?b"),
        ("½ ² ≠ ✓ ✕", "ascii", "1/2 ^2 != v x"),
    ],
)
def test_signs_are_replaced_one_by_one(text: str, encoding: str, expected: str) -> None:
    """A sign that the encoding has stays; any other one is replaced by what looks like it."""
    assert expected == fit(text, encoding)
    expected.encode(encoding)


def test_every_sign_can_be_printed_everywhere() -> None:
    """No character at all, a lone surrogate included, is an error in any encoding."""
    for encoding in ("ascii", "latin-1", "cp1252", "cp437", "koi8-r", "shift_jis", "utf-8", "utf-16"):
        fit("".join(map(chr, range(0x3000))) + "\ud800\udc80\udfff\U0001f600", encoding).encode(encoding)


def test_json_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON escapes what the encoding lacks, so that a script reads the same data."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Output(io.TextIOWrapper(raw, encoding="ascii"), is_essential=True))
    echo_json({"text": "ü → 漢"})

    assert {"text": "ü → 漢"} == json.loads(raw.getvalue().decode("ascii"))


class Failing(io.StringIO):
    """A stream that cannot be written."""

    encoding = "utf-8"

    def write(self, _text: str) -> int:
        """Fail as a full disk does."""
        raise OSError(28, "No space left on device")


def test_failed_write_is_an_error_of_its_own() -> None:
    """A failed write of standard output is not an OSError, and every later write fails, too."""
    output = Output(Failing(), is_essential=True)
    for _ in range(2):
        with pytest.raises(OutputError, match="No space left on device"):
            output.write("x")
    with pytest.raises(OutputError):
        output.flush()


def test_failed_write_of_messages_is_none() -> None:
    """What cannot be written to standard error is lost, and changes no verdict."""
    output = Output(Failing(), is_essential=False)

    assert 1 == output.write("x")
    output.flush()


def test_closed_stream_is_an_error() -> None:
    """Writing to a stream that the process has closed is the same error."""
    stream = io.StringIO()
    stream.close()
    with pytest.raises(OutputError, match="closed"):
        Output(stream, is_essential=True).write("x")


def test_binary_stream_is_out_of_reach() -> None:
    """No library finds the binary stream, and so none writes an encoding of its own."""
    output = Output(io.TextIOWrapper(io.BytesIO(), encoding="ascii"), is_essential=True)

    assert not hasattr(output, "buffer")
    assert not output.isatty()
    with pytest.raises(AttributeError):
        output.write(b"")  # type: ignore[arg-type]


def test_closed_input_is_an_error() -> None:
    """Reading from standard input that is closed is an error with its name, not the end of a file."""
    with pytest.raises(OSError, match="it is closed") as caught:
        io.TextIOWrapper(io.BufferedReader(ClosedInput()), encoding="utf-8").read()

    assert "standard input" == caught.value.filename


def test_missing_streams_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command finds streams even if standard error and input are closed, and the old ones come back."""
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stderr", None)
    before = len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else 0  # noqa: PTH112, PTH208
    with adapted_streams() as (output, error):
        assert output is not None
        assert error is None
        assert not sys.stderr.isatty()
        with pytest.raises(OSError, match="it is closed"):
            sys.stdin.read()

    assert sys.stderr is None
    assert before == (len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else 0)  # noqa: PTH112, PTH208
