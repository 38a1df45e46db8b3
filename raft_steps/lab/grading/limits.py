"""The cage: what keeps a submission's process small, and away from files, networks and other processes.

Three layers, the strongest last: the names that a submission may use (`builtins_of`), what the interpreter lets it do
(`lock`, an audit hook that nothing can take off), and what the system lets the process have (`limit`). Together they
stop accidents and simple malice. They are no sandbox: code that breaks out of the interpreter is beyond them.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NoReturn

from raft_steps.lab import HOMES

MEBIBYTE = 1024 * 1024
# What a Node may import. `raft_steps` has only the steps before in it, wherever this runs.
HARMLESS = (
    "__future__", "abc", "bisect", "collections", "collections.abc", "copy", "dataclasses", "enum", "functools",
    "heapq", "itertools", "math", "random", "re", "statistics", "string", "typing",
)  # fmt: skip
OURS = ("commands", "log", "messages", "node")
# Built-in names that act on something else than values; `print` is there, and is heard by nobody.
WITHHELD = (
    "breakpoint", "compile", "copyright", "credits", "delattr", "eval", "exec", "exit", "globals", "help", "input",
    "license", "locals", "memoryview", "open", "quit", "vars",
)  # fmt: skip
# What an audit hook is told of by these names is refused once the submission runs.
REFUSED = (
    "_thread.", "code.", "cpython.", "ctypes.", "fcntl.", "ftplib.", "gc.", "glob.", "http.", "imaplib.", "import",
    "marshal.", "mmap.", "msvcrt.", "open", "os.", "pathlib.", "pickle.", "poplib.", "pty.", "resource.", "shutil.",
    "signal.", "smtplib.", "socket.", "sqlite3.", "subprocess.", "sys.add", "sys._current", "sys.set", "syslog.",
    "tempfile.", "urllib.", "webbrowser.",
)  # fmt: skip
PR_SET_PDEATHSIG = 1


class Refused(Exception):  # noqa: N818  # It is the submission's mistake, not an error of ours.
    """A submission did what no Node needs to do; the message says what."""


def limit(memory: int, cpu_seconds: int) -> None:
    """Limit what this process may have, and let it die with the one that started it.

    Args:
        memory: Address space, in MiB.
        cpu_seconds: Computing time, in seconds.
    """
    for name, most in (
        ("RLIMIT_AS", memory * MEBIBYTE),
        ("RLIMIT_CPU", cpu_seconds),
        ("RLIMIT_FSIZE", MEBIBYTE),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 32),
        ("RLIMIT_NPROC", 0),
    ):
        if hasattr(resource, name):
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            with contextlib.suppress(ValueError, OSError):  # Some systems know a limit, and keep none.
                resource.setrlimit(kind, (least, least))
    with contextlib.suppress(OSError, AttributeError):  # Linux alone knows it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def lock() -> None:
    """From now on refuse whatever reaches out of this process; it cannot be taken back."""
    # Held by the hook itself, which nothing in Python leads to: who gets at this module could give its names new values.
    refused, error = REFUSED, Refused

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            raise error(f"imported {arguments[0]}, which is not there for a submission of this step")
        if event.startswith(refused):
            raise error(f"reached for {event}; a Node opens no file, no socket and no process, and imports nothing new")

    sys.addaudithook(hear)


class Silence:
    """Takes what is printed, and forgets it."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Forget a text."""
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def builtins_of(allowed: Callable[[str, tuple[str, ...]], str]) -> Mapping[str, Any]:
    """Give the built-in names that a submission sees.

    Args:
        allowed: Says why a module, or names of it, may not be imported; "" if they may.
    """
    names = dict(vars(builtins))

    def bring(name: str, globals_: Any = None, locals_: Any = None, fromlist: Any = (), level: int = 0) -> ModuleType:
        why = allowed(name, tuple(fromlist or ()))
        if why:
            raise ImportError(why)
        return __import__(name, globals_, locals_, fromlist, level)

    names["__import__"] = bring
    names["getattr"], names["setattr"], names["hasattr"] = _guarded(getattr), _guarded(setattr), _guarded(hasattr)
    for name in WITHHELD:
        names[name] = _withheld(name)
    return names


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(thing: object, name: str, *rest: Any) -> Any:
        if type(name) is not str or name.startswith("_"):
            raise Refused(f"used {function.__name__} with {name!r}; a Node uses the names of its own fields")
        found = function(thing, name, *rest)
        if isinstance(found, ModuleType):
            raise Refused(f"used {function.__name__} to get at the module {name}")
        return found

    guarded.__name__ = function.__name__
    return guarded


def _withheld(name: str) -> Callable[..., NoReturn]:
    def withheld(*_arguments: object, **_settings: object) -> NoReturn:
        raise Refused(f"used {name}; a Node has no use for it")

    return withheld


def may_import(name: str, names: tuple[str, ...]) -> str:
    """Say why a submission may not import something; "" if it may.

    Args:
        name: The module.
        names: What is taken from it; nothing where the module itself is imported.
    """
    if any(
        each.startswith("_") and each != "__future__" for each in (*name.split("."), *names) if each != "__future__"
    ):
        return f"no name that begins with _ is imported, as from {name}"
    if name in HARMLESS:
        return "" if _public(name, names) else f"{name} has other modules inside, which are not for a Node"
    first, _, rest = name.partition(".")
    if first != "raft_steps":
        return f"a Node imports nothing from {first}: it needs no file, no network, no clock and no process"
    if not rest:
        strange = [each for each in names if not each.startswith("step_")]
        return f"from raft_steps a Node imports the step before, not {strange[0]}" if strange else ""
    part, _, module = rest.partition(".")
    if part.startswith("step_") and not module:
        return ""
    if part == "lab":
        known = module in OURS or (not module and all(each in OURS or HOMES.get(each) in OURS for each in names))
        return "" if known and (names or module) else f"{name} is the laboratory's own, and no Node needs it"
    return f"{name} is nothing that a Node needs"


def _public(name: str, names: tuple[str, ...]) -> bool:
    """Say whether names are what a module is for, and not what it has imported itself."""
    module = sys.modules.get(name) or __import__(name, fromlist=["*"])
    found = getattr(module, "__all__", None)
    if name == "__future__":
        return True
    return all(
        each in found if found is not None else not isinstance(getattr(module, each, None), ModuleType)
        for each in names
    )
