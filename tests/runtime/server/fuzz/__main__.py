"""Feed a server with inputs: ``python -m tests.runtime.server.fuzz --inputs 1000000 --seed 0``.

Prints how many inputs there were, the results, and how much memory the process has: it should not grow.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.runtime.server.fuzz.session import Tally, feed

ROUND = 20_000  # inputs to one server; its log grows meanwhile


def main() -> None:
    """Feed one server after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=ROUND)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tally, start_s, fed = Tally(), time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        while fed < arguments.inputs:
            count = min(ROUND, arguments.inputs - fed)
            feed(arguments.seed + fed, count, Path(folder) / str(fed), tally)
            fed += count
            print(f"{fed:9,} inputs, {time.monotonic() - start_s:6.0f} s, {_memory_mib():4.0f} MiB", flush=True)
    for name, number in tally.counts.items():
        print(f"{number:9,} {name}")
    print(f"{tally.lines:9,} lines logged")


def _memory_mib() -> float:
    """Return the most memory that this process has had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_048_576 if sys.platform == "darwin" else 1_024)


if __name__ == "__main__":
    main()
