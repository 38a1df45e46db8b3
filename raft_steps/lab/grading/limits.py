"""Limits for the process of a submission: memory, computing time, and no files, network or other processes.

There are three layers, the strongest last: the built-in names that a submission sees (`restricted_builtins`), what the
interpreter lets it do (`install_audit_hook`), and what the operating system grants the process (`set_limits`). Together
they stop accidents and simple malice. They are not a sandbox: they do not stop code that breaks out of the interpreter.
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
# What a Node may import. The copied package `raft_steps` has only the steps before the one that is graded.
ALLOWED_MODULES = (
    "__future__", "abc", "bisect", "collections", "collections.abc", "copy", "dataclasses", "enum", "functools",
    "heapq", "itertools", "math", "random", "re", "statistics", "string", "typing",
)  # fmt: skip
LAB_MODULES = ("commands", "log", "messages", "node")
# Built-in functions that reach beyond a Node's values. `print` stays; its output is discarded.
REMOVED_BUILTINS = (
    "breakpoint", "compile", "copyright", "credits", "delattr", "eval", "exec", "exit", "globals", "help", "input",
    "license", "locals", "memoryview", "open", "quit", "vars",
)  # fmt: skip
# The audit events that are refused once the submission runs: those with these prefixes.
FORBIDDEN_EVENTS = (
    "_thread.", "code.", "cpython.", "ctypes.", "fcntl.", "ftplib.", "gc.", "glob.", "http.", "imaplib.", "import",
    "marshal.", "mmap.", "msvcrt.", "open", "os.", "pathlib.", "pickle.", "poplib.", "pty.", "resource.", "shutil.",
    "signal.", "smtplib.", "socket.", "sqlite3.", "subprocess.", "sys.add", "sys._current", "sys.set", "syslog.",
    "tempfile.", "urllib.", "webbrowser.",
)  # fmt: skip
PR_SET_PDEATHSIG = 1


class ForbiddenError(Exception):
    """A submission tried something that no Node needs to do; the message says what."""


def set_limits(memory_mib: int, cpu_s: int) -> None:
    """Limit the resources of this process, and let it end with the process that started it.

    Args:
        memory_mib: Address space, in MiB.
        cpu_s: Computing time, in seconds.
    """
    for name, most in (
        ("RLIMIT_AS", memory_mib * MEBIBYTE),
        ("RLIMIT_CPU", cpu_s),
        ("RLIMIT_FSIZE", MEBIBYTE),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 32),
        ("RLIMIT_NPROC", 0),
    ):
        if hasattr(resource, name):
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            # At the soft limit of computing time the system sends SIGXCPU, at the hard one SIGKILL, which others send, too.
            last = (
                limit + 1 if name == "RLIMIT_CPU" and hard in (resource.RLIM_INFINITY, max(hard, limit + 1)) else limit
            )
            with contextlib.suppress(ValueError, OSError):  # Some systems have the constant but not the limit.
                resource.setrlimit(kind, (limit, last))
    with contextlib.suppress(OSError, AttributeError):  # Linux only.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def install_audit_hook() -> None:
    """Refuse whatever reaches out of this process from now on. An audit hook cannot be removed."""
    # Local names: no Python object leads to the hook, but code that reaches this module could replace its globals.
    forbidden, error = FORBIDDEN_EVENTS, ForbiddenError

    def check_event(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            raise error(f"imported {arguments[0]}, which a submission of this step may not import")
        if event.startswith(forbidden):
            raise error(f"used {event}; a Node opens no file, no socket and no process, and imports nothing new")

    sys.addaudithook(check_event)


class NullOutput:
    """A text stream that discards everything."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Discard a text; return its length, as text streams do."""
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def restricted_builtins(refusal: Callable[[str, tuple[str, ...]], str]) -> Mapping[str, Any]:
    """Return the built-in names that a submission sees.

    Args:
        refusal: Returns why a module, or names of it, may not be imported; "" if they may.
    """
    names = dict(vars(builtins))

    def import_(name: str, globals_: Any = None, locals_: Any = None, fromlist: Any = (), level: int = 0) -> ModuleType:
        if why := refusal(name, tuple(fromlist or ())):
            raise ImportError(why)
        return __import__(name, globals_, locals_, fromlist, level)

    names["__import__"] = import_
    names["getattr"], names["setattr"], names["hasattr"] = (
        _without_private(getattr),
        _without_private(setattr),
        _without_private(hasattr),
    )
    for name in REMOVED_BUILTINS:
        names[name] = _removed(name)
    return names


def _without_private(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap getattr, setattr or hasattr so that it refuses private names and never returns a module."""

    def wrapped(thing: object, name: str, *rest: Any) -> Any:
        if type(name) is not str or name.startswith("_"):
            raise ForbiddenError(f"used {function.__name__} with {name!r}; a Node uses the names of its own fields")
        found = function(thing, name, *rest)
        if isinstance(found, ModuleType):
            raise ForbiddenError(f"used {function.__name__} to get at the module {name}")
        return found

    wrapped.__name__ = function.__name__
    return wrapped


def _removed(name: str) -> Callable[..., NoReturn]:
    def removed(*_arguments: object, **_settings: object) -> NoReturn:
        raise ForbiddenError(f"used {name}; a Node has no use for it")

    return removed


def import_refusal(name: str, names: tuple[str, ...]) -> str:
    """Return why a submission may not import something; "" if it may.

    Args:
        name: The module.
        names: The names that are imported from it; none if the module itself is imported.
    """
    if any(each.startswith("_") and each != "__future__" for each in (*name.split("."), *names)):
        return f"a Node imports no name that begins with _, as from {name}"
    if name in ALLOWED_MODULES:
        return "" if _public(name, names) else f"from {name} a Node imports only what {name} itself defines"
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
        ours = all(each in LAB_MODULES or HOMES.get(each) in LAB_MODULES for each in names)
        known = module in LAB_MODULES or (not module and ours)
        return "" if known and (names or module) else f"{name} is for the laboratory only, and no Node needs it"
    return f"no Node needs {name}"


def _public(name: str, names: tuple[str, ...]) -> bool:
    """Return whether names are part of a module's interface, and not modules that it has imported itself."""
    module = sys.modules.get(name) or __import__(name, fromlist=["*"])
    found = getattr(module, "__all__", None)
    if name == "__future__":
        return True
    return all(
        each in found if found is not None else not isinstance(getattr(module, each, None), ModuleType)
        for each in names
    )
