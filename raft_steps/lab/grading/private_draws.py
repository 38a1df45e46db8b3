"""What is drawn from an instructor's secret: seeds of private runs, and the parameters of hidden checks."""

from __future__ import annotations

import hashlib

from raft_steps.lab.checks.parameters import CheckParameters
from raft_steps.lab.random_stream import RandomStream


def private_seeds(secret: str, count: int) -> list[int]:
    """Derive seeds from a secret; without the secret they cannot be guessed.

    Args:
        secret: The secret.
        count: How many seeds.
    """
    hashes = (hashlib.sha256(f"raft-steps grade/{number}/{secret}".encode()).digest() for number in range(count))
    return [int.from_bytes(each[:7], "big") for each in hashes]


def hidden_parameters(secret: str, step: int, count: int) -> list[CheckParameters]:
    """Draw the parameters of a step's hidden checks from a secret.

    Args:
        secret: The secret.
        step: The step.
        count: How often to draw.
    """
    digest = hashlib.sha256(f"raft-steps checks/{secret}".encode()).hexdigest()
    return [CheckParameters.draw(RandomStream(digest, f"step {step}/{number}")) for number in range(count)]
