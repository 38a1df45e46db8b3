"""Measures the linearizability checker: how long it takes on linearizable histories."""

from __future__ import annotations

import random
import time

from raft_steps.lab.verify.linearizability import History, KeyValueModel, Operation, check_linearizable
from raft_steps.lab.verify.linearizability.history import ActionName

MICROSECONDS = 1_000_000


def build_history(operations: int, clients: int, keys: int, *, seed: int = 0, unanswered: float = 0.0) -> History:
    """Build a linearizable history: each operation takes effect at a random moment between call and return.

    Args:
        operations: How many operations.
        clients: How many clients ask, one request at a time.
        keys: How many keys there are, chosen evenly.
        seed: The seed.
        unanswered: The share of operations that are not answered; half of those take no effect.
    """
    chance = random.Random(seed)
    free = [chance.randrange(1000) for _ in range(clients)]
    drafts = []
    for number in range(operations):
        client = min(range(clients), key=lambda which: free[which])
        called_us, length_us = free[client], chance.randrange(500, 10_000)
        effect_us = called_us + chance.randrange(1, length_us)
        free[client] = called_us + length_us + chance.randrange(1, 3000)
        drafts.append((effect_us, number, client, called_us, called_us + length_us))
    model, held = KeyValueModel(), dict.fromkeys(range(keys))
    made = []
    for _effect_us, number, client, called_us, returned_us in sorted(drafts):
        key, kind = chance.randrange(keys), chance.random()
        action: ActionName = "get" if kind < 0.5 else "set" if kind < 0.8 else "cas" if kind < 0.95 else "delete"
        value = chance.randrange(5) if action in ("set", "cas") else None
        expected = chance.randrange(5) if action == "cas" else None
        draft = Operation(
            client=f"client#{client}",
            action=action,
            key=f"k{key}",
            value=value,
            expected=expected,
            called_us=called_us,
            returned_us=returned_us,
        )
        answer = held[key] if action == "get" else held[key] == draft.expected if action == "cas" else None
        lost = chance.random() < unanswered
        fields = {name: getattr(draft, name) for name in ("action", "key", "value", "expected", "called_us")}
        if lost:
            done = Operation(client=f"lost#{number}", outcome="unknown", **fields)
        else:
            done = Operation(client=draft.client, returned_us=returned_us, answer=answer, **fields)
        if not lost or chance.random() < 0.5:
            held[key] = model.step(held[key], Operation(client="", outcome="unknown", **fields))[1]
        made.append(done)
    return History(tuple(made))


def seconds_to_check(history: History) -> float:
    """Measure one check, and require the verdict ok."""
    begun = time.perf_counter()
    result = check_linearizable(history)
    took = time.perf_counter() - begun
    assert result.verdict == "ok"
    return took


def figures(large: int = 10_000, repetitions: int = 5) -> list[tuple[str, str, str, bool]]:
    """Measure small and large histories; return what was measured, how long it took, the target, and whether it is met.

    Args:
        large: How many operations the large history has.
        repetitions: How often each is measured; the median counts.
    """
    rows = []
    for count, clients, keys, limit, unanswered in (
        (100, 5, 1, 0.05, 0.0),
        (100, 5, 1, 0.05, 0.1),
        (large, 10, 20, 10.0, 0.0),
        (large, 10, 20, 10.0, 0.01),
    ):
        taken = sorted(
            seconds_to_check(build_history(count, clients, keys, seed=seed, unanswered=unanswered))
            for seed in range(repetitions)
        )
        median = taken[len(taken) // 2]
        lost = f", {unanswered:.0%} unanswered" if unanswered else ""
        what = (
            f"linearizability, {count:,} operations, {clients} clients, {keys} {'key' if keys == 1 else 'keys'}{lost}"
        )
        measured = f"{median * 1000:.1f} ms" if limit < 1 else f"{median:.2f} s"
        rows.append((what, measured, f"{limit * 1000:.0f} ms" if limit < 1 else f"{limit:.0f} s", median < limit))
    return rows


if __name__ == "__main__":
    for row in figures():
        print(*row)
