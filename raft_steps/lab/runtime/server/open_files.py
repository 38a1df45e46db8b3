"""The limit of a process's open files, which limits its connections."""

from __future__ import annotations

import resource


def allow_files(wanted: int, spare: int) -> int:
    """Raise the limit of open files as far as it is allowed, but not above what is wanted.

    Args:
        wanted: How many connections of clients there may be.
        spare: How many files are open besides.

    Returns:
        How many connections of clients there is room for.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted + spare
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    if soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return (max(soft, limit) if soft < wanted else wanted + spare) - spare
