"""How every command ends: the one place that decides the exit status, whatever happens.

    0      success; what was checked is right
    1      what was checked falls short: a Node, a run, a history, a notebook
    2      it could not be judged: wrong input, no memory, a full disk, a reader that is gone, an error of the laboratory
    130    Control-C

So 0 and 1 are verdicts, and nothing else ends with them. This module needs only the standard library, so that a failed
import of a command is reported like everything else.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from raft_steps.lab.cli.output import Output, OutputError, adapted_streams

PASSED, FAILED, NOT_JUDGED, INTERRUPTED = 0, 1, 2, 130
TRACEBACK = "RAFT_STEPS_TRACEBACK"  # the environment variable that asks for tracebacks
PACKAGE = Path(__file__).resolve().parents[2]


def run(command: Callable[[], object]) -> NoReturn:
    """Call a command with adapted streams, and end the process.

    Args:
        command: Returns its exit status; anything that is not an int counts as success. It prints its own expected errors.

    Raises:
        SystemExit: Always, with the exit status.
    """
    status = NOT_JUDGED  # also if there is not even memory to report that there is none
    try:
        with adapted_streams() as (output, error):
            status = _status_of(command) if output is not None else _report("Error: standard output is closed")
            status = _flush(output, status)
            if error is not None:
                error.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BaseException:  # noqa: BLE001, S110  # Reporting failed, too; the status stands.
        pass
    sys.exit(status)


def _status_of(command: Callable[[], object]) -> int:
    """Call a command; return its exit status, after reporting what it did not expect."""
    try:
        returned = command()
    except KeyboardInterrupt:
        _report("Interrupted.")
        return INTERRUPTED
    except OutputError as error:
        return _report_output(error)
    except SystemExit as end:
        return _status_of_exit(end)
    except MemoryError as error:
        return _report("Error: there was not enough memory to finish, so there is no verdict", error)
    except RecursionError as error:
        text = "Error: something is nested too deeply to be judged, in the input or in the laboratory itself"
        return _report(f"{text}; {TRACEBACK}=1 shows where", error)
    except BaseException as error:  # noqa: BLE001  # Whatever it is, it must not end with a verdict.
        return _report(_describe(error), error)
    return returned if isinstance(returned, int) else PASSED


def _status_of_exit(end: SystemExit) -> int:
    """Return the exit status for a SystemExit, which a shell's completion raises; nobody else has a verdict to give."""
    completing = any(name.endswith("_COMPLETE") and "RAFT_STEPS" in name for name in os.environ)
    if completing and end.code in (None, 0):
        return PASSED
    return _report(f"Error: something ended the command before it was done (SystemExit: {end.code})", end)


def _flush(output: Output | None, status: int) -> int:
    """Write what is buffered; return the exit status, which stops being a verdict if that fails."""
    try:
        if output is not None:
            output.flush()
    except OutputError as error:
        return status if status in (NOT_JUDGED, INTERRUPTED) else _report_output(error)
    return status


def _report_output(error: OutputError) -> int:
    """Report that standard output failed; a reader that has read enough, such as `head`, needs no message."""
    return NOT_JUDGED if error.is_broken_pipe else _report(f"Error: standard output cannot be written: {error}")


def _report(text: str, error: BaseException | None = None) -> int:
    """Print a sentence on standard error, after the traceback if one is wanted; return the exit status of no verdict."""
    if error is not None and os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    print(text, file=sys.stderr)
    return NOT_JUDGED


def _describe(error: BaseException) -> str:
    """Describe an error that the laboratory did not expect, with the innermost of its own lines."""
    lines = [
        f"{path.relative_to(PACKAGE.parent)}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := Path(frame.filename).resolve()).is_relative_to(PACKAGE)
    ]
    what = " ".join(str(error).split())
    what = type(error).__name__ + (f": {what[:300]}" if what else "")
    where = f" ({lines[-1]})" if lines else ""
    return (
        f"Error: the laboratory itself failed, so there is no verdict: {what}{where}. "
        f"Please report it to the authors, with the traceback that {TRACEBACK}=1 prints."
    )
