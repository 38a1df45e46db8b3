"""The section of the README about real servers: its commands run as they are printed, one after the other."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.ports import free_port

ROOT = Path(__file__).parents[2]
WAIT_S = 120
SECTION = re.search(
    r"^## Real servers\n(.*?)^## ", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
NAMES = ("tom", "jerry", "spike")


class Terminals:
    """A folder in which the README's commands are typed; only the ports are other ones."""

    def __init__(self, folder: Path) -> None:
        """Read the commands."""
        assert SECTION is not None
        first = free_port(len(NAMES))
        text = re.sub(r"\b700([1-3])\b", lambda found: str(first + int(found[1]) - 1), SECTION[1])
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        self.commands = [
            re.sub(r"  +#.*", "", line) for block in blocks for line in block.splitlines() if line[0] != "#"
        ]
        self.cluster = ",".join(f"{name}=127.0.0.1:{first + place}" for place, name in enumerate(NAMES))
        self.folder = folder
        self.servers: dict[str, subprocess.Popen[str]] = {}

    def words(self, command: str) -> list[str]:
        """Return the words of a command, with this Python's raft-steps in it."""
        words = command.split()
        if words[0] != ".venv/bin/raft-steps":
            return words
        more = ["--cluster", self.cluster] if words[1] == "client" else []  # Its default has the README's ports.
        return [sys.executable, "-m", "raft_steps", words[1], *more, *words[2:]]

    def serve(self, command: str) -> None:
        """Start a server, whose lines go to a file."""
        name = command.split()[command.split().index("--name") + 1]
        with (self.folder / f"{name}.out").open("a", encoding="utf-8") as out:
            self.servers[name] = subprocess.Popen(self.words(command), cwd=self.folder, stderr=out, text=True)

    def run(self, command: str) -> str:
        """Run a command, and return what it prints."""
        done = subprocess.run(
            self.words(command), cwd=self.folder, capture_output=True, text=True, check=False, timeout=WAIT_S,
            env=os.environ | {"RAFT_STEPS_TRACEBACK": ""},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def leader(self) -> str:
        """Return the server whose terminal shows that it leads, as far as its last line about that goes."""
        for name in self.servers:
            lines = (self.folder / f"{name}.out").read_text(encoding="utf-8").splitlines()
            about = [line for line in lines if "lead" in line]
            if about and "leads, in term" in about[-1]:
                return name
        pytest.fail("no terminal shows a leader")


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    """Return a folder with no servers yet; those that are started end with the test."""
    found = Terminals(tmp_path)
    yield found
    for server in found.servers.values():
        server.kill()
        server.wait()


@pytest.mark.slow
def test_section_can_be_followed(terminals: Terminals) -> None:
    """Three servers are started, a key is written, the leader is killed and started again, and the key is there."""
    serve = [each for each in terminals.commands if " serve " in each]
    show, write, ask_tom, read = [each for each in terminals.commands if " serve " not in each]
    assert [each.split()[each.split().index("--name") + 1] for each in serve] == list(NAMES)
    for each in serve:
        terminals.serve(f"{each} --timing paper")  # The post's takes half a minute.
    assert terminals.run(write).startswith("OK, by ")
    assert len(terminals.run(show).splitlines()) == len(NAMES)
    if shutil.which("redis-cli"):
        assert terminals.run(ask_tom).split()[0] in ("green", "NOTLEADER")
    first = terminals.leader()
    terminals.servers[first].send_signal(signal.SIGINT)
    assert terminals.servers[first].wait(WAIT_S) == 0
    assert terminals.run(read) == "green"
    terminals.serve(next(f"{each} --timing paper" for each in serve if f"--name {first} " in each))
    assert terminals.run(read) == "green"
    assert (terminals.folder / f"{first}.d").is_dir()
