"""Limits for the process of a submission: another user than root, and so much memory, computing time and so many files."""

from __future__ import annotations

import contextlib
import os
import resource

MEBIBYTE = 1024 * 1024


def become(user: int | None) -> None:
    """Change for good to a user whom this machine does not know; None changes nothing.

    Raises:
        OSError: That is refused.
    """
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def set_limits(memory_mib: int, cpu_s: int, processes: int) -> None:
    """Limit the resources of this process and of those that it starts.

    Args:
        memory_mib: Address space, in MiB.
        cpu_s: Computing time, in seconds.
        processes: Processes and threads.
    """
    for name, most in (
        ("RLIMIT_AS", memory_mib * MEBIBYTE),
        ("RLIMIT_CPU", cpu_s),
        ("RLIMIT_FSIZE", MEBIBYTE),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_NPROC", processes),
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


class NullOutput:
    """A text stream that discards everything."""

    encoding = "utf-8"
    errors = "replace"

    def write(self, text: str) -> int:
        """Discard a text; return its length, as text streams do."""
        return len(text)

    def flush(self) -> None:
        """Do nothing."""

    def isatty(self) -> bool:
        """Return that nobody reads it."""
        return False
