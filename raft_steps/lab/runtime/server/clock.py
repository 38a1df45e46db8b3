"""The clock of real servers: microseconds since the machine was started, the same for all processes of it."""

from __future__ import annotations

import time
from pathlib import Path


def now_us() -> int:
    """Return the time in microseconds since the machine was started."""
    return time.monotonic_ns() // 1_000


def boot_id() -> str:
    """Return a text that is the same for all processes until the machine is started again.

    Clocks of two servers can only be compared if their texts are equal.
    """
    file = Path("/proc/sys/kernel/random/boot_id")
    if file.exists():  # Linux
        return file.read_text(encoding="ascii").strip()
    import subprocess

    result = subprocess.run(["/usr/sbin/sysctl", "-n", "kern.boottime"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"
