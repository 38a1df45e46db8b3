"""What clients and other servers may send: commands and messages that are right, nearly right, and garbage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.server.redis_commands import COMMANDS
from tests.runtime.server.test_redis_protocol import packed

WORDS = (
    b"x", b"y", b"colour", b"", b"0", b"-1", b"3", b"\x00", b"\xff\xfe", "ä€😀".encode(), b"a b", b"'", b'"', b"\r\n",
    b"*1\r\n", b"$5\r\n", b"#f\r\n", b"SETNAME", b"AUTH", b"GET", b"*", b"raft", b"SLOTS", b"jerry", b"nan", b"1e999",
    b"%s", b"x" * 300, b"\xed\xa0\x80", b"IFEQ", b"SET", b"1.1", b"2.1", b"1.2",
)  # fmt: skip
PIECES = (
    b"*", b"$", b"\r\n", b"\n", b"*2147483647\r\n", b"*-1\r\n", b"$2147483647\r\n", b"$-1\r\n", b"*99999999999999999999\r\n",
    b"%2\r\n", b"~3\r\n", b">1\r\n", b"#t\r\n", b"_\r\n", b",1.5\r\n", b"(123\r\n", b"=5\r\ntxt:x\r\n", b"!3\r\nERR\r\n",
    b"|1\r\n", b"*1\r\n" * 40, b"[" * 2_000, b"{" * 200, b'{"a":' * 200, b"\x00" * 50, b"GET / HTTP/1.1\r\n", b"'open\r\n",
    b"\xff", b"9" * 5_000, b"1e400", b"NaN", b"-Infinity", b'"\\ud800"', b'{"next":5}\n', b'{"next":-5}\n', b'{"next":[]}\n',
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, 1, 2, 3, 5, -1, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 10**40, 1.5, 1e308, True, None, "3", [], {},
)  # fmt: skip
TEXTS: tuple[Any, ...] = ("x", "", "ä", "\x00", "\ud800", "x" * 1_000, "tom", "nibbles", 3, None, ["x"])
STATES = (
    '{"state_machine": {"dict": [["x", "1"]]}, "sessions": {"dict": []}}',
    '{"state_machine": {"dict": []}}',
    '{"state_machine": {"Unknown": []}}',
    "{}",
)


class Inputs:
    """Draws inputs; equal seeds give equal ones."""

    def __init__(self, seed: int, hello: dict[str, Any], known: Callable[[], tuple[int, int]]) -> None:
        """Begin a stream of inputs.

        Args:
            seed: Decides all of them.
            hello: The first line of a server that belongs to the cluster.
            known: Returns the term and the last index of the server, so that messages can be about them.
        """
        self._random, self._hello, self._known = RandomStream(seed, "fuzz"), hello, known
        self._commands = [name.encode() for name in COMMANDS]

    def chance(self, share: float) -> bool:
        """Return whether something happens that happens in this share of all cases."""
        return self._random.random() < share

    def from_client(self) -> bytes:
        """Return what a client may send at once."""
        kind = self._random.randint(1, 20)
        if kind == 1:
            return self._noise()
        commands = b"".join(self._command() for _ in range(self._random.randint(1, 4)))
        return commands if kind <= 15 else self._changed(commands)

    def first_line(self) -> bytes:
        """Return what begins a connection to the port for servers; it is right in most cases."""
        if self.chance(0.9):
            name = self._random.choice(["jerry", "spike"])
            return json.dumps({**self._hello, "name": name}).encode() + b"\n"
        hello = dict(self._hello)
        hello[self._random.choice(list(hello))] = self._random.choice(NUMBERS + TEXTS)
        return self._changed(_line(hello)) if self.chance(0.5) else _line(hello)

    def from_server(self) -> bytes:
        """Return what another server may send at once."""
        kind = self._random.randint(1, 20)
        if kind == 1:
            return self._noise() + b"\n"
        lines = b"".join(_line(self._message(is_right=kind <= 14)) for _ in range(self._random.randint(1, 3)))
        return lines if kind <= 17 else self._changed(lines)

    def split(self, data: bytes) -> list[bytes]:
        """Cut bytes into the pieces in which they arrive."""
        if self.chance(0.7):
            return [data]
        cut = self._random.randint(0, len(data))
        return [piece for piece in (data[:cut], data[cut:]) if piece]

    def _command(self) -> bytes:
        words = [self._random.choice(WORDS) for _ in range(self._random.randint(0, 4))]
        name = (
            self._random.choice([b"SET", b"GET", *self._commands]) if self.chance(0.9) else self._random.choice(WORDS)
        )
        if self.chance(0.8):
            return packed([name.lower() if self.chance(0.3) else name, *words])
        return b" ".join([name, *words]) + self._random.choice([b"\r\n", b"\n"])

    def _message(self, *, is_right: bool) -> dict[str, Any]:
        now_term, last = self._known()
        near = self._random.choice([last, last, max(0, last - 1), 0, last + 1])

        def term() -> Any:
            return now_term + self._random.choice([0, 0, 0, 0, 1, -1]) if is_right else self._random.choice(NUMBERS)

        def index() -> Any:
            return near if is_right else self._random.choice(NUMBERS)

        def number() -> Any:
            return self._random.choice([0, 1, 2, 50] if is_right else NUMBERS)

        def text() -> Any:
            return self._random.choice(["x", "y"] if is_right else TEXTS)

        def flag() -> Any:
            return self.chance(0.6) if is_right else self._random.choice(NUMBERS)

        def state() -> Any:
            return self._random.choice(STATES if is_right else TEXTS)

        kinds: list[Callable[[], dict[str, Any]]] = [
            lambda: {"type": "RequestVote", "term": term(), "last_log_index": index(), "last_log_term": term(),
                     "is_transfer": flag()},
            lambda: {"type": "RequestVoteReply", "term": term(), "vote_granted": flag()},
            lambda: {"type": "AppendEntriesReply", "term": term(), "success": flag(), "prev_log_index": index(),
                     "match_index": index(), "round": number(), "conflict_index": index(),
                     "conflict_term": term() if self.chance(0.5) else None},
            lambda: {"type": "AppendEntries", "term": term(), "prev_log_index": index(), "prev_log_term": term(),
                     "leader_commit": index(), "round": number(), "entries": self._entries(index, term, text, is_right=is_right)},
            lambda: {"type": "AppendEntriesRefused", "term": term()},
            lambda: {"type": "InstallSnapshot", "term": term(), "round": number(), "snapshot": {
                "type": "Snapshot", "last_included_index": index(), "last_included_term": term(), "data": state()}},
            lambda: {"type": "PreVote", "term": term(), "last_log_index": index(), "last_log_term": term()},
            lambda: {"type": "PreVoteReply", "term": term(), "next_term": term(), "vote_granted": flag()},
            lambda: {"type": "TimeoutNow", "term": term()},
        ]  # fmt: skip
        found = self._random.choice(kinds)()
        if not is_right and self.chance(0.2):
            found.pop(self._random.choice(list(found)))
        if not is_right and self.chance(0.2):
            found[str(self._random.choice(TEXTS))] = self._random.choice(NUMBERS)
        return found

    def _entries(
        self, index: Callable[[], Any], term: Callable[[], Any], text: Callable[[], Any], *, is_right: bool
    ) -> list[Any]:
        def names() -> list[Any]:
            return (
                self._random.choice([["tom", "jerry", "spike"], ["tom"], ["jerry", "spike"]]) if is_right else [text()]
            )

        of_term, first = term(), index() + 1 if is_right else index()
        commands: list[Callable[[], Any]] = [
            lambda: None,
            lambda: {"type": "Set", "key": text(), "value": text()},
            lambda: {"type": "Delete", "key": text()},
            lambda: {"type": "Append", "key": text(), "value": text()},
            lambda: {"type": "OpenSession"},
            lambda: {"type": "Configuration", "voters": names(), "old_voters": self._random.choice([[], names()])},
            lambda: {
                "type": "InSession",
                "session": index(),
                "serial": index(),
                "command": self._random.choice(writes)(),
            },
        ]
        writes = [commands[1], commands[2], commands[3]]
        return [
            {"type": "Entry", "index": first + place if type(first) is int else first, "term": of_term,
             "command": self._random.choice(commands)()}
            for place in range(self._random.randint(0, 3))
        ]  # fmt: skip

    def _noise(self) -> bytes:
        if self.chance(0.3):
            return bytes(self._random.randint(0, 255) for _ in range(self._random.randint(1, 60)))
        return b"".join(self._random.choice(PIECES + WORDS) for _ in range(self._random.randint(1, 6)))

    def _changed(self, data: bytes) -> bytes:
        """Return bytes with a few of them replaced, removed, repeated, or with a strange piece between them."""
        for _ in range(self._random.randint(1, 3)):
            place = self._random.randint(0, len(data))
            end = min(len(data), place + self._random.randint(0, 12))
            middle = self._random.choice(
                [b"", bytes([self._random.randint(0, 255)]), 2 * data[place:end], self._random.choice(PIECES)]
            )
            data = data[:place] + middle + data[end:]
        return data


def _line(data: object) -> bytes:
    return json.dumps(data).encode() + b"\n"
