"""How a fault makes another server lead if voters refuse while they hear a leader.

Up to step 17 an election timeout deposes any leader. From then on a Node whose timer runs out asks first, and is refused as
long as the others hear a leader. So a leader that is heard is asked to hand over, and one that is cut off or down is left
alone for so long that the others have forgotten it; what is to arrive after the election takes as much longer.
"""

from __future__ import annotations

from raft_steps.lab.scenario.model import TIMINGS
from raft_steps.lab.verify.fuzzer.fault_actions import FaultAction

PAPER = TIMINGS["paper"]
# The last call of a leader may arrive as late as a message can, and is remembered for the least timeout.
SILENCE_S = PAPER.election_timeout_range[0] + 1.5 * PAPER.delay[1]
BEGIN_SILENCE, END_SILENCE = frozenset({"partition", "cut", "crash"}), frozenset({"heal", "restart"})


def depose_calmly(actions: list[FaultAction]) -> list[FaultAction]:
    """Return the actions of a fault, with a transfer or a silence before a timeout; without timeouts they stay the same."""
    moved: list[FaultAction] = []
    is_silent, later_s = False, 0.0
    for at_s, verb, words in actions:
        if verb in BEGIN_SILENCE | END_SILENCE:
            is_silent = verb in BEGIN_SILENCE
        if verb == "timeout" and is_silent:
            later_s += SILENCE_S
        moved.append((at_s + later_s, "transfer" if verb == "timeout" and not is_silent else verb, words))
    return [_slower(action, later_s) for action in moved]


def _slower(action: FaultAction, later_s: float) -> FaultAction:
    """Let messages that a fault holds back take longer; the usual delay stays as it is."""
    at_s, verb, words = action
    if verb != "delay" or float(words[1]) <= PAPER.delay[1]:
        return action
    return at_s, verb, tuple(f"{float(word) + later_s:.3f}" for word in words)
