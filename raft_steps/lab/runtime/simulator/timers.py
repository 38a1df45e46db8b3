"""The timers of a simulation's servers.

A timer that is restarted, as an election timer is by every heartbeat, is looked at again when its first time is up
and not planned anew each time: so the agenda stays short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.runtime.diagnostics import said_no_time

if TYPE_CHECKING:
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.runtime.simulator.simulation import Simulation

LONGEST = 1e9  # seconds, some thirty years: whoever waits longer has lost count
NEVER = 2**62  # microseconds; later than all that can be planned


def check_wait(node: object, timer: str, wait: object) -> None:
    """Refuse to start a timer with what is no number of seconds.

    Raises:
        Mistake: The time to wait is none.
    """
    if type(wait) not in (int, float) or not 0 < wait < LONGEST:  # type: ignore[operator]  # It is a number by now.
        raise said_no_time(node, timer, wait)


class Timers:
    """Starts the timers, and calls the handler of one that runs out."""

    def __init__(self, simulation: Simulation) -> None:
        """Belong to this simulation."""
        self.simulation, self.recorder = simulation, simulation.recorder

    def start(self, now: int, host: SimulatedHost, timer: str, wait: float) -> None:
        """Start a timer, or restart it.

        Args:
            now: The time in microseconds.
            host: Where.
            timer: Its name.
            wait: How many seconds by the server's own clock.

        Raises:
            Mistake: The time to wait is none.
        """
        last = host.waits.get(timer)
        if last is None or last[0] is not wait:  # Mostly it is the very number of the last time.
            check_wait(host.node, timer, wait)
            last = host.waits[timer] = wait, round(wait * host.second_us)
        host.timers[timer] = due = now + last[1]
        if self.recorder is not None:
            self.recorder.event(now, "timer_started", host.name, {"timer": timer, "due": due})
        if due < host.queued.get(timer, NEVER):
            host.queued[timer] = due
            self.simulation.push(due, self.look, host, timer, host.life)

    def cancel(self, host: SimulatedHost, timer: str) -> None:
        """Stop a timer that runs."""
        del host.timers[timer]
        self.simulation.note("timer_cancelled", host.name, timer=timer)

    def look(self, host: SimulatedHost, timer: str, life: int) -> None:
        """See whether a timer has run out."""
        now = self.simulation.now_us
        if host.life != life or host.queued.get(timer) != now:
            return
        due = host.timers.get(timer)
        if due is None:
            del host.queued[timer]
        elif due > now:
            host.queued[timer] = due
            self.simulation.push(due, self.look, host, timer, life)
        elif host.paused:
            del host.queued[timer]
            host.mailbox.append((self.look_late, host, timer, life))
        else:
            self.run_out(host, timer)

    def look_late(self, host: SimulatedHost, timer: str, life: int) -> None:
        """Let a timer run out that did so while its server was paused, unless it was restarted since."""
        if host.life == life and timer in host.timers and host.timers[timer] <= self.simulation.now_us:
            self.run_out(host, timer)

    def run_out(self, host: SimulatedHost, timer: str) -> None:
        """Let a timer that runs run out now.

        Raises:
            NodeError: The node failed in it.
        """
        host.queued.pop(timer, None)
        del host.timers[timer]
        handler = host.find_handler(f"on_{timer}_timeout", self.simulation.now_us)
        self.simulation.handle(host, handler, (), "timer_fired", {"timer": timer})
