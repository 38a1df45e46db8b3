"""Tests of the reader of commands, whatever pieces they arrive in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.runtime.server.redis_protocol import MOST_BYTES, CommandReader, ProtocolError, reply


def packed(command: list[bytes]) -> bytes:
    """Return a command as clients send it."""
    return b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in command)


def read(pieces: list[bytes]) -> list[list[bytes]]:
    """Return the commands in some pieces of bytes."""
    reader = CommandReader()
    commands = []
    for piece in pieces:
        reader.feed(piece)
        while (command := reader.take()) is not None:
            commands += [command] if command else []
    return commands


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes into pieces."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[first:last] for first, last in itertools.pairwise(places)]


words = st.binary(max_size=12) | st.sampled_from([b"*2147483647\r\n", b"\r\n*99999\r\n", b"#f\r\n", b"$5"])


@given(
    commands=st.lists(st.lists(words, min_size=1, max_size=4), max_size=5), cuts=st.lists(st.integers(0), max_size=6)
)
def test_commands_arrive_in_any_pieces(commands: list[list[bytes]], cuts: list[int]) -> None:
    """However the bytes are cut, the same commands are read, also with values that look like headers."""
    data = b"".join(map(packed, commands))
    assert read(split(data, cuts)) == commands


@given(
    commands=st.lists(st.lists(words, min_size=1, max_size=4), max_size=5),
    cuts=st.lists(st.integers(0), max_size=6),
    stops=st.lists(st.integers(0, 3), max_size=6),
)
def test_commands_are_taken_at_any_time(commands: list[list[bytes]], cuts: list[int], stops: list[int]) -> None:
    """If only a few commands are taken before more bytes arrive, they are the same ones in the same order."""
    reader, found = CommandReader(), []
    for piece, stop in itertools.zip_longest(split(b"".join(map(packed, commands)), cuts), stops, fillvalue=0):
        reader.feed(piece if isinstance(piece, bytes) else b"")
        found += [command for _ in range(stop) if (command := reader.take()) is not None]
    while (command := reader.take()) is not None:
        found.append(command)
    assert found == commands
    assert reader.waiting_bytes == 0


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0), max_size=6))
def test_garbage_is_read_or_refused(data: bytes, cuts: list[int]) -> None:
    """Any bytes give commands or a ProtocolError, and nothing else."""
    try:
        commands = read(split(data, cuts))
    except ProtocolError:
        return
    assert all(type(word) is bytes for command in commands for word in command)


def test_inline_commands_are_read() -> None:
    """Words on a line are a command, as a person types it."""
    assert read([b"PI", b"NG\r\nSET x 'a b'\n"]) == [[b"PING"], [b"SET", b"x", b"a b"]]


def test_inline_and_packed_commands_mix() -> None:
    """A connection may change between the two."""
    assert read([b"PING\r\n" + packed([b"GET", b"x"]) + b"PING\r\n"]) == [[b"PING"], [b"GET", b"x"], [b"PING"]]


@pytest.mark.parametrize(
    "data",
    [
        b"*2147483647\r\n",
        b"*1\r\n*2147483647\r\n",
        b"*-1\r\n$4\r\nPING\r\n",
        b"*1\r\n$2147483647\r\n",
        b"*1\r\n#f\r\n",
        b"*1\r\n:1\r\n",
        b"*1\r\n+PING\r\n",
        b"SET x 'a\r\n",
        b"*1\r\n$4\r\nPINGPONG\r\n",
    ],
)
def test_wrong_headers_are_refused(data: bytes) -> None:
    """Lengths that nobody means, and replies instead of commands, are refused; nothing large is reserved."""
    with pytest.raises(ProtocolError):
        read([data, b"x" * 100])


def test_endless_command_is_refused() -> None:
    """A command that is never finished is refused at the limit."""
    pieces = [b"*1\r\n$1048576\r\n", *[b"x" * 65_536] * (MOST_BYTES // 65_536 + 1)]
    with pytest.raises(ProtocolError, match="at most 1048576 bytes"):
        read(pieces)


def test_mapping_is_flat_for_resp2() -> None:
    """A mapping is a map in RESP3, and a list of keys and values in RESP2."""
    assert reply({"a": 1}, 3) == b"%1\r\n$1\r\na\r\n:1\r\n"
    assert reply({"a": 1}, 2) == b"*2\r\n$1\r\na\r\n:1\r\n"
