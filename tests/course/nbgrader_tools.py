"""nbgrader's commands for tests, in a process that has loaded nbgrader, because loading it takes two seconds.

A process loads nbgrader once. Each command runs in a copy of it, which does from then on what `nbgrader` on the command
line does: it is given its arguments, writes to its own output, and ends with a status. The command line itself is
test_instructors' matter.

Run as a program, this is that process: a line in is the list of a command's arguments, a line out says how it ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

SECONDS_MAX = 600


class Nbgrader:
    """nbgrader in a course directory; call it with the arguments of a command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Initialise with the process that has loaded nbgrader."""
        self.process = process

    def __call__(self, *arguments: str, expected: int = 0) -> str:
        """Run a command, which must end with the expected status; return its output."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(arguments), file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert expected == answer["status"], answer["said"][-3000:]
        return str(answer["said"])


@contextmanager
def nbgrader_in(folder: Path) -> Iterator[Nbgrader]:
    """Run nbgrader's commands in a course directory, without user settings."""
    from tests.helpers.jupyter import own_environment

    with subprocess.Popen(
        [sys.executable, "-P", __file__],  # -P: nbgrader must not import the modules next to this file.
        cwd=folder,
        env=own_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Nbgrader(process)


def serve() -> None:
    """Run the commands that arrive, one after the other, each in a fork of this process."""
    from nbgrader.apps import nbgraderapp

    for line in sys.stdin:
        with tempfile.TemporaryFile() as output:
            copy = os.fork()
            if copy == 0:
                _become(nbgraderapp.main, json.loads(line), output)
            status = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
            output.seek(0)
            said = output.read().decode(errors="replace")
        print(json.dumps({"status": status, "said": said}), flush=True)


def _become(main: Any, arguments: list[str], output: IO[bytes]) -> NoReturn:
    """Run the command in this process and exit as the interpreter does."""
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    signal.alarm(SECONDS_MAX)
    sys.argv = ["nbgrader", *arguments]
    sys.exit(main())


if __name__ == "__main__":
    serve()
